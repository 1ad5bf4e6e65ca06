/** Which reports are acked of runs that this master does not own: none that the journal does not know (I2). */
import { expect, test } from 'vitest';
import type { ReportAck } from '../../schemas/messages/attempt.messages.ts';
import { systemClock, systemIds } from '../../src/clock/system-clock.adapter.ts';
import type { Whereabouts } from '../../src/master/instance-host.ts';
import { ReportIntake, type ReportIntakeOptions } from '../../src/master/report-intake.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { instance, report } from '../actors/run-events.ts';

/** The acks of one report that was made in an epoch, by a master that finds its run so. */
async function acksOf(found: Whereabouts, epoch: number): Promise<ReportAck['acked']> {
  const command = report('succeeded', 'a');
  if (command.type !== 'RecordReport') throw new Error('no report');
  const acks: ReportAck[] = [];
  // Reason for the casts: what the intake asks of its host and its transport is all there.
  const host = { find: () => undefined, locate: async () => found } as unknown as ReportIntakeOptions['host'];
  const transport = {
    publish: (_: string, body: ReportAck) => void acks.push(body),
  } as unknown as ReportIntakeOptions['transport'];
  const rest = { revoke: () => {}, config: { lossesMax: 5 }, clock: systemClock, ids: systemIds, log: silentLog };
  const intake = new ReportIntake({ ...rest, host, transport, endOfTurn: (callback) => callback() });
  const body = { worker: 'w', incarnation: systemIds.uuid(), reports: [{ ...command.report, instance, epoch }] };
  intake.take({ subject: 'millrace.v1.masters.report', reply: 'inbox', body } as never);
  await new Promise((resolve) => setImmediate(resolve));
  return acks.flatMap(({ acked }) => acked);
}

test('a run that has ended takes no more reports of its time, and one that is missing none at all', async () => {
  expect(await acksOf({ kind: 'finished', epoch: 2 }, 2)).toHaveLength(1);
  expect(await acksOf({ kind: 'finished', epoch: 2 }, 1)).toHaveLength(1);
  expect(await acksOf({ kind: 'missing' }, 1)).toHaveLength(1);
});

test('a run that had ended when it was looked for may have been opened again: its new reports are not acked', async () => {
  expect(await acksOf({ kind: 'finished', epoch: 1 }, 2)).toEqual([]);
});
