/** What a former owner of a task group answers before it hears that it is none, and what a task group is told too late. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { taskGroupActor } from '../../actors/task-group/task-group.actor.ts';
import type { TaskGroupCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { Incarnation, MasterId, TaskName } from '../../schemas/ids.ts';
import { systemClock as clock } from '../../src/clock/system-clock.adapter.ts';
import type { RunStates } from '../../src/concurrency/run-states.ts';
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

function granted(takeoverCount = 1) {
  const takeovers = Array.from({ length: takeoverCount }, () => takeover());
  const grant = () => ({ type: 'GrantSlots', now: 9 }) as const;
  const asked = { now: 5, key: 'k', by: 'ann' };
  return new OwnedGiven(taskGroupActor, (effect): TaskGroupCommand | undefined =>
    effect.type === 'grantSlots' ? grant() : undefined,
  ).given(...takeovers, { type: 'ConfigureGroup', slots: 1, ...asked }, { type: 'RequestSlot', now: 6, ...request });
}

/** @param epoch of the group @param runEpoch what the journal says of the run */
async function groupThatIsOwned({ epoch = 1, runEpoch = 1 } = {}) {
  const { snapshot, history } = granted(epoch);
  const journal = createMemoryJournal({ clock });
  const write = (events: readonly { type: string; data: object }[]) =>
    journal.append(
      stream,
      'any',
      events.map((event) => newEvent(randomUUID(), event, author)),
    );
  await write(history);
  const revision = history.length - 1;
  const commands: TaskGroupCommand[] = [];
  const ask = async (command: TaskGroupCommand) => {
    commands.push(command);
    return { kind: 'durable', revision, eventCount: 0 };
  };
  // Reason for the cast: this much of the group is used.
  const group = { id: 'scarce', snapshot, revision, ask } as unknown as TaskGroup;
  const transport = createMemoryNetwork({ clock }).connect('m1');
  const runs: RunStates = { find: () => undefined, state: async () => undefined, epoch: async () => runEpoch };
  const groups = new TaskGroups({ transport, journal, runs, clock, log: silentLog, checkIntervalMs: 1_000 });
  const sync = (said: { sequence: number; requests?: object[]; releases?: object[] }) =>
    groups.handle(group, { type: 'sync', requests: [], releases: [], ...said });
  return { history, write, sync, commands, stop: () => groups.stop() };
}

test('a former owner grants nothing from memory, which the next owner may have taken back', async () => {
  const { history, write, sync, stop } = await groupThatIsOwned();
  const again = () => sync({ sequence: 1, requests: [{ ...request, epoch: 1 }] });

  expect(await again()).toEqual({ group: 'scarce', states: [{ holder, state: 'granted' }] });
  const released = { type: 'SlotReleased', data: { holder, why: 'ended', releasedAt: 8 } };
  await write([history[0] as (typeof history)[number], released]);
  await expect(again()).rejects.toMatchObject({ code: 'NOT_OWNER' });
  stop();
});

test('slots that are asked for again are not given back by a message of before that arrives late (S1)', async () => {
  const { sync, commands, stop } = await groupThatIsOwned();
  const release = { holder, why: 'ended' } as const;
  const said = () => commands.splice(0).map(({ type }) => type);

  await sync({ sequence: 2, requests: [{ ...request, epoch: 1 }] });
  expect(said()).toEqual(['RequestSlot']);
  await sync({ sequence: 1, releases: [{ ...release, epoch: 1 }] });
  expect(said()).toEqual([]);
  await sync({ sequence: 3, releases: [{ ...release, epoch: 1 }] });
  expect(said()).toEqual(['ReleaseSlot']);

  // The next owner of the run counts anew.
  await sync({ sequence: 1, requests: [{ ...request, epoch: 2 }] });
  expect(said()).toEqual(['RequestSlot']);
  await sync({ sequence: 4, releases: [{ ...release, epoch: 1 }] });
  expect(said()).toEqual([]);
  stop();
});

test('a new owner of the group hears no release by a former owner of the run, whatever it remembers of that run', async () => {
  const { sync, commands, stop } = await groupThatIsOwned({ epoch: 2, runEpoch: 4 });
  await sync({ sequence: 1, releases: [{ holder, why: 'ended', epoch: 3 }] });
  expect(commands).toEqual([]);
  await sync({ sequence: 1, releases: [{ holder, why: 'ended', epoch: 4 }] });
  expect(commands).toMatchObject([{ type: 'ReleaseSlot' }]);
  stop();
});
