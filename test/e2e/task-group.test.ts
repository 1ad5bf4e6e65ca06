/** A hundred runs share a group of five slots. What really runs is counted in a file, through a kill -9 of the group's owner. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { checkOwnedHistory } from '../../actors/invariants/check-owned-history.ts';
import type { TaskGroupName, WorkflowName } from '../../schemas/ids.ts';
import { type GroupsReply, groupsReplySchema } from '../../schemas/messages/concurrency.messages.ts';
import { subjects, type TaskGroupOperation } from '../../schemas/messages/subjects.ts';
import { slotUsageOf } from '../concurrency/slot-usage.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';

const runCount = 100;
const slotCount = 5;

let cluster: ProcessCluster;
let ledger = '';

beforeAll(async () => {
  cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    workers: ['worker-1'],
    // A busy machine must not make a worker seem lost.
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500, workerAbsenceMaxMs: 30_000 },
    worker: { heartbeatIntervalMs: 500, slots: 32 },
  });
  ledger = join(cluster.folder, 'ledger');
});

afterAll(() => cluster.remove());

async function group(operation: TaskGroupOperation, body: object = {}): Promise<GroupsReply['groups'][number]> {
  const asked = await cluster.client.ask(subjects.taskGroup(operation), { group: 'scarce', ...body });
  const [view] = groupsReplySchema.parse(asked).groups;
  if (view === undefined) throw new Error('there is no such group');
  return view;
}

/** How many commands began, and the most that ran at once. */
function ledgerSums(): { begunCount: number; atOnceMax: number } {
  let runningCount = 0;
  const sums = { begunCount: 0, atOnceMax: 0 };
  for (const line of readFileSync(ledger, 'utf8').split('\n').slice(0, -1)) {
    runningCount += line.startsWith('+') ? 1 : -1;
    if (line.startsWith('+')) sums.begunCount += 1;
    sums.atOnceMax = Math.max(sums.atOnceMax, runningCount);
  }
  return sums;
}

test('a hundred runs that wait for five slots never exceed them, through a kill -9 of the owner of the group', async () => {
  onTestFailed(() => console.error(cluster.log()));
  await group('set', { slots: slotCount });
  const command = `echo "+ $MILLRACE_ATTEMPT_ID" >> '${ledger}'; sleep 0.1; echo "- $MILLRACE_ATTEMPT_ID" >> '${ledger}'`;
  const task = {
    ...taskOf('work'),
    settings: { type: 'shell' as const, command, graceMs: 500 },
    group: { name: 'scarce' as TaskGroupName },
  };
  await cluster.client.register(workflowOf([task], { name: 'crowd' as WorkflowName }));
  const runs = await Promise.all(
    Array.from({ length: runCount }, async () => (await cluster.client.submit('crowd')).instance),
  );
  const { owner } = await eventually('many of them wait and some are done', async () => {
    const view = await group('list');
    return view.waitingCount > 10 && view.waitingCount < 85 ? view : undefined;
  });

  await cluster.process(owner?.master as string).end('SIGKILL');

  for (const run of runs) expect((await cluster.client.whenEnded(run, 90_000)).run.status).toBe('succeeded');
  expect(ledgerSums()).toEqual({ begunCount: runCount, atOnceMax: slotCount });
  const events = [];
  for await (const event of cluster.client.everything()) events.push(event);
  expect(slotUsageOf(events, 'scarce', 'work')).toEqual({
    takenMax: slotCount,
    liveMax: slotCount,
    grantCount: runCount,
  });
  const history = events.filter(({ stream }) => stream === 'taskGroup-scarce');
  expect(checkOwnedHistory('taskGroup', history)).toMatchObject({
    violations: [],
    owners: [{ epoch: 1 }, { epoch: 2 }],
  });
  const view = await eventually('all slots are given back', async () => {
    const now = await group('list');
    return now.taken === 0 ? now : undefined;
  });
  expect(view.owner?.master).not.toBe(owner?.master);
});
