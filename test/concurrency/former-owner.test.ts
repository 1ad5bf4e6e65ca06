/** A former owner of a task group, before it hears that another master has taken the group. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { taskGroupActor } from '../../actors/task-group/task-group.actor.ts';
import type { TaskGroupCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { Incarnation, MasterId, TaskName } from '../../schemas/ids.ts';
import { systemClock as clock } from '../../src/clock/system-clock.adapter.ts';
import { type TaskGroup, TaskGroups } from '../../src/concurrency/task-groups.ts';
import { actorStream, newEvent } from '../../src/journal/codec.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.adapter.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { OwnedGiven, runId, takeover } from '../actors/owned-given.ts';

const holder = { instance: runId(1), task: 'a' as TaskName, round: 0, turn: 0 };
const request = { holder, priority: 'medium', slots: 1 } as const;
const author = {
  epoch: 1,
  master: 'm1' as MasterId,
  incarnation: randomUUID() as Incarnation,
  correlationId: 'test',
  causationId: 'test',
  decidedAt: 1,
};
const stream = actorStream('taskGroup', 'scarce');

function granted() {
  const grant = () => ({ type: 'GrantSlots', now: 9 }) as const;
  const asked = { now: 5, key: 'k', by: 'ann' };
  return new OwnedGiven(taskGroupActor, (effect): TaskGroupCommand | undefined =>
    effect.type === 'grantSlots' ? grant() : undefined,
  ).given(takeover(), { type: 'ConfigureGroup', slots: 1, ...asked }, { type: 'RequestSlot', now: 6, ...request });
}

test('grants nothing from memory, which the next owner may have taken back', async () => {
  const { snapshot, history } = granted();
  const journal = createMemoryJournal({ clock });
  const write = (events: readonly { type: string; data: object }[]) =>
    journal.append(
      stream,
      'any',
      events.map((event) => newEvent(randomUUID(), event, author)),
    );
  await write(history);
  const ask = async () => ({ kind: 'durable', revision: history.length - 1, eventCount: 0 });
  // Reason for the cast: this much of the group is used.
  const group = { id: 'scarce', snapshot, revision: history.length - 1, ask } as unknown as TaskGroup;
  const transport = createMemoryNetwork({ clock }).connect('m1');
  const runs = { state: async () => undefined } as unknown as ConstructorParameters<typeof TaskGroups>[0]['runs'];
  const groups = new TaskGroups({ transport, journal, runs, clock, log: silentLog, checkIntervalMs: 1_000 });
  const sync = () => groups.handle(group, { type: 'sync', requests: [{ ...request, epoch: 1 }], releases: [] });

  expect(await sync()).toEqual({ group: 'scarce', states: [{ holder, state: 'granted' }] });
  const released = { type: 'SlotReleased', data: { holder, why: 'ended', releasedAt: 8 } };
  await write([history[0] as (typeof history)[number], released]);
  await expect(sync()).rejects.toMatchObject({ code: 'NOT_OWNER' });
  groups.stop();
});
