/** Slots of a task whose assignment is decided, but not durable: they are in use, and nobody is assigned without any. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { InstanceId, TaskGroupName } from '../../schemas/ids.ts';
import { groupsReplySchema, type SlotSync } from '../../schemas/messages/concurrency.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { RunSlots } from '../../src/concurrency/run-slots.ts';
import { instanceStream } from '../../src/journal/codec.ts';
import type { LiveInstance } from '../../src/master/live-instance.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { assign, nameOf, instance as runId, submitOwned } from '../actors/run-events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { given } from '../kit/given.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { breachesIn, everythingIn, slotUsageOf } from './slot-usage.ts';

const grouped = { ...taskOf('a'), group: { name: 'scarce' as TaskGroupName } };

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
});
afterEach(async () => {
  await cluster.stop();
  expect(breachesIn(cluster.store)).toEqual([]);
});

/** Appends to a held stream wait until they are let go. */
function holdAppends() {
  let held: string | undefined;
  let letGo = () => {};
  let reached = () => {};
  let gate = Promise.resolve();
  const connect = cluster.store.connect.bind(cluster.store);
  vi.spyOn(cluster.store, 'connect').mockImplementation((options) => {
    const journal = connect(options);
    const append: typeof journal.append = async (stream, ...rest) => {
      if (stream === held) {
        reached();
        await gate;
      }
      return journal.append(stream, ...rest);
    };
    return Object.assign(Object.create(journal) as typeof journal, { append });
  });
  return {
    hold: (instance: InstanceId): Promise<void> => {
      held = instanceStream(instance);
      gate = new Promise((resolve) => {
        letGo = resolve;
      });
      return new Promise((resolve) => {
        reached = resolve;
      });
    },
    letGo: () => letGo(),
  };
}

async function group(operation: 'set' | 'open' | 'close' | 'list', body: object = {}) {
  const reply = groupsReplySchema.parse(await cluster.ask(subjects.taskGroup(operation), { group: 'scarce', ...body }));
  return reply.groups[0];
}

test('a task that gave its slots back while it was being assigned asks for them again', async () => {
  const appends = holdAppends();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  await group('set', { slots: 1 });
  await group('close');
  const settings = { type: 'script' as const, steps: [{ result: 'succeed' as const, afterMs: 400, outputs: {} }] };
  await cluster.register(workflowOf([{ ...grouped, settings }]));
  const waiting = async (count: number) =>
    eventually('it waits', async () => ((await group('list'))?.waitingCount === count ? true : undefined));
  const first = (await cluster.submit('tested')).instance;
  await waiting(1);
  const second = (await cluster.submit('tested')).instance;
  await waiting(2);

  const isHeld = appends.hold(first);
  const steered = ['pause', 'resume'].map((type) =>
    cluster.ask(subjects.command, { type, instance: first, key: type }),
  );
  await isHeld;
  await group('open');
  await eventually('the first is granted', async () => ((await group('list'))?.taken === 1 ? true : undefined));
  appends.letGo();
  await Promise.all(steered);

  for (const run of [first, second]) expect((await cluster.whenEnded(run)).run.status).toBe('succeeded');
  expect(slotUsageOf(everythingIn(cluster.store), 'scarce', 'a')).toMatchObject({ takenMax: 1, liveMax: 1 });
});

/** A run that was paused, durably; that it goes on with its task assigned is being appended. */
function assignedUnderWay() {
  const asked = { now: 1, by: 'ann' };
  const ready = given(workflowOf([grouped]), submitOwned);
  const paused = ready.and({ type: 'RequestPause', key: 'p', ...asked }).and({ type: 'ConcludePause', now: 1 });
  const assigned = paused.and({ type: 'RequestResume', key: 'r', ...asked }).and(assign('a'));
  return { ready, paused, assigned };
}

/** A master's slots, whose group grants everything at once; timers fire when they are told to. */
function createSlots(instance: LiveInstance) {
  const syncs: SlotSync[] = [];
  const timers = new Set<() => void>();
  const slots = new RunSlots({
    send: async (name, sync) => {
      syncs.push(sync);
      return { group: name, states: sync.requests.map(({ holder }) => ({ holder, state: 'granted' as const })) };
    },
    clock: {
      now: () => 0,
      after: (_, fire) => {
        timers.add(fire);
        return { cancel: () => timers.delete(fire) };
      },
    },
    log: silentLog,
    repeatIntervalMs: 1_000,
    find: () => instance,
    isOrdered: () => false,
    isParked: () => false,
    place: () => {},
    hold: () => {},
  });
  const fire = async () => {
    for (const due of [...timers]) {
      timers.delete(due);
      due();
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { slots, syncs, fire };
}

test('slots of an assignment that is being appended are not given back', async () => {
  const { ready, paused, assigned } = assignedUnderWay();
  const states: { snapshot: WorkflowInstanceSnapshot; decided: WorkflowInstanceSnapshot } = {
    snapshot: ready.snapshot,
    decided: ready.snapshot,
  };
  // Reason for the cast: what the slots read of a run is all there.
  const instance = Object.assign(states, { id: runId, actor: ready.actor }) as unknown as LiveInstance;
  const { slots, syncs, fire } = createSlots(instance);
  const task = nameOf('a');
  slots.request(instance, task);
  await fire();
  expect(slots.mayBeAssigned(instance, task)).toBe(true);

  Object.assign(states, { snapshot: paused.snapshot, decided: assigned.snapshot });
  slots.settle(instance, task);
  await fire();
  expect(syncs.flatMap(({ releases }) => releases)).toEqual([]);

  Object.assign(states, { snapshot: paused.snapshot, decided: paused.snapshot });
  slots.settle(instance, task);
  await fire();
  expect(syncs.flatMap(({ releases }) => releases)).toMatchObject([{ holder: { task, turn: 0 }, why: 'ended' }]);
  Object.assign(states, { snapshot: ready.snapshot, decided: ready.snapshot });
  expect(slots.mayBeAssigned(instance, task)).toBe(false);
});
