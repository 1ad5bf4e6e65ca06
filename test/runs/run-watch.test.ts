/** Watches on runs over the journal in memory: every end is told once, in whatever order things happen. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InstanceId, SubmissionKey, TaskName, WorkflowName } from '../../schemas/ids.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { instanceStream } from '../../src/journal/codec.ts';
import type { Journal } from '../../src/journal/journal.port.ts';
import { createMemoryStore, type MemoryStore } from '../../src/journal/memory-journal.adapter.ts';
import type { RunIndex } from '../../src/runs/run-index.port.ts';
import { RunProjection } from '../../src/runs/run-projection.ts';
import { type RunEnd, RunWatch } from '../../src/runs/run-watch.ts';
import { openRunIndex } from '../../src/runs/sqlite-run-index.adapter.ts';
import { TaskWatch } from '../../src/runs/task-watch.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { newEvent } from '../contract/contract-events.ts';
import { seededRandom } from '../kit/seeded-random.ts';

const run = '11111111-1111-4111-8111-111111111111' as InstanceId;
const workflow = 'watched' as WorkflowName;

const submitted = (key = 'k', more: object = {}) => ({
  type: 'WorkflowSubmitted',
  data: {
    definition: { name: workflow, version: 1, digest: 'a'.repeat(64) },
    key: key as SubmissionKey,
    params: {},
    submittedAt: 1_000,
    ...more,
  },
});
const ended = { type: 'WorkflowFailed', data: { finishedAt: 2_000, failedTasks: ['a'], failedCount: 1 } };
const reopened = { type: 'WorkflowReopened', data: { key: 'r', by: 'tester', reopenedAt: 3_000 } };

const taken = {
  type: 'OwnershipTaken',
  data: { epoch: 2, master: 'm2', incarnation: run, host: 'here', claimRevision: 1, reason: 'claimLost' },
};

type Stored = { type: string; data: object };
const write = (journal: Journal, events: readonly Stored[], instance = run) =>
  journal.append(
    instanceStream(instance),
    'any',
    events.map(({ type, data }) => newEvent(data, type)),
  );

function watchOver(store: MemoryStore, index: RunIndex) {
  const journal = store.connect();
  const watch = new RunWatch({ journal, index, clock: systemClock, log: silentLog });
  const onOwnershipTaken = () => {};
  const projection = new RunProjection({ journal, index, clock: systemClock, log: silentLog, onOwnershipTaken, watch });
  return { watch, projection };
}

describe('one run', () => {
  let store: MemoryStore;
  let journal: Journal;
  let index: RunIndex;
  let parts: ReturnType<typeof watchOver>;
  beforeEach(async () => {
    store = createMemoryStore({ clock: systemClock });
    journal = store.connect();
    index = openRunIndex(':memory:');
    parts = watchOver(store, index);
    parts.projection.start();
    await parts.projection.whenCurrent();
  });
  afterEach(() => {
    parts.projection.stop();
    parts.watch.stop();
    index.close();
  });

  test('that ended before the watch began is told, and nothing is kept', async () => {
    await write(journal, [submitted(), ended, taken]);
    const end = await new Promise<RunEnd>((resolve) => parts.watch.watchRun(run, resolve));
    expect(end).toEqual({ status: 'failed', finishedAt: 2_000, failedTasks: ['a'] });
    expect(parts.watch.count).toBe(0);
  });

  test('that does not exist yet is told when it has ended', async () => {
    const told = new Promise<RunEnd>((resolve) => parts.watch.watchRun(run, resolve));
    await write(journal, [submitted()]);
    await write(journal, [ended]);
    expect((await told).status).toBe('failed');
  });

  test('whose end was taken back is told at its next end', async () => {
    await write(journal, [submitted(), ended, reopened]);
    const ends: RunEnd[] = [];
    parts.watch.watchRun(run, (end) => ends.push(end));
    await expect.poll(() => index.get(run)?.finishedAt).toBe(undefined);
    expect(ends).toEqual([]);
    await write(journal, [{ type: 'WorkflowSucceeded', data: { finishedAt: 4_000 } }]);
    await expect.poll(() => ends.map(({ status }) => status)).toEqual(['succeeded']);
  });

  test('is not told to who has stopped watching, and is told after the store was away', async () => {
    const ends: string[] = [];
    parts.watch.watchRun(run, () => ends.push('stopped')).stop();
    store.setAway(true);
    parts.watch.watchRun(run, () => ends.push('kept'));
    store.setAway(false);
    await write(journal, [submitted(), ended]);
    await expect.poll(() => ends).toEqual(['kept']);
    expect(parts.watch.count).toBe(0);
  });

  test('shows in the index when its workflow is told of', async () => {
    const seen: (string | undefined)[] = [];
    const watch = parts.watch.watchWorkflow(workflow, () => seen.push(index.get(run)?.status));
    await write(journal, [submitted()]);
    await expect.poll(() => seen).toEqual(['running']);
    await write(journal, [ended]);
    await expect.poll(() => seen).toEqual(['running', 'failed']);
    watch.stop();
    await write(journal, [submitted('other')], '22222222-2222-4222-8222-222222222222' as InstanceId);
    await expect.poll(() => index.list({ limit: 10 }).runs.length).toBe(2);
    expect(seen).toHaveLength(2);
    expect(parts.watch.count).toBe(0);
  });

  test('tells of its tasks only while somebody watches', async () => {
    const tasks = new TaskWatch({ journal: store.connect(), index, log: silentLog });
    let count = 0;
    await write(journal, [submitted()]);
    const watch = tasks.watch(run, 'a' as TaskName, () => {
      count += 1;
    });
    await write(journal, [
      { type: 'TaskRetryDue', data: { task: 'a' } },
      { type: 'TaskRetryDue', data: { task: 'b' } },
    ]);
    await expect.poll(() => count).toBe(1);
    watch.stop();
    expect(tasks.count).toBe(0);
    await write(journal, [{ type: 'TaskRetryDue', data: { task: 'a' } }]);
    expect(count).toBe(1);
  });
});

test('the newest run of a range counts, by logical time; dry runs do not', async () => {
  const index = openRunIndex(':memory:');
  const add = (id: number, submittedAt: number, more: object = {}) => {
    const instance = `00000000-0000-4000-8000-00000000000${id}` as InstanceId;
    const line = { instance, workflow, version: 1, key: `${id}`, status: 'running' as const, submittedAt, ...more };
    index.apply([{ kind: 'submitted', run: line }], undefined);
    return instance;
  };
  const first = add(1, 100);
  const later = add(2, 500, { logicalAt: 150 });
  const rerun = add(3, 600, { logicalAt: 150, parent: { instance: first, task: 'x', depth: 2 } });
  add(4, 160, { dryRun: true });
  expect(index.newestBetween(workflow, 100, 150)?.instance).toBe(first);
  expect(index.newestBetween(workflow, 100, 151)?.instance).toBe(rerun);
  expect(index.newestBetween(workflow, 150, 1_000)?.parent).toEqual({ instance: first, task: 'x', depth: 2 });
  expect(index.newestBetween(workflow, 500, 1_000)).toBe(undefined);
  expect(index.newestBetween('other' as WorkflowName, 0, 1_000)).toBe(undefined);
  expect(index.get(later)).toMatchObject({ logicalAt: 150, submittedAt: 500 });
  index.close();
});

/** Calls back in an order of its own, one at a time. */
function shuffledTurns(random: () => number) {
  const waiting: (() => void)[] = [];
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    schedule: (callback: () => void) => void waiting.push(callback),
    turn: async (): Promise<boolean> => {
      await settle();
      const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
      next?.();
      await settle();
      return next !== undefined;
    },
  };
}

test('in every order of appends, reads and deliveries each end is told once', async () => {
  const seeded = seededRandom('orders of a watch');
  const random = () => seeded.between(0, 1);
  for (let round = 1; round <= 150; round += 1) {
    const turns = shuffledTurns(random);
    const store = createMemoryStore({ clock: systemClock, schedule: turns.schedule });
    const index = openRunIndex(':memory:');
    const { watch, projection } = watchOver(store, index);
    projection.start();
    const journal = store.connect();
    const history = [submitted(), ended, ...(random() < 0.5 ? [reopened, ...(random() < 0.7 ? [ended] : [])] : [])];
    const isEndedInTheEnd = history.at(-1) === ended;
    const writing = (async () => {
      for (const event of history) await write(journal, [event]);
    })();
    const ends: RunEnd[] = [];
    const beginAfter = Math.floor(random() * 20);
    for (let count = 0, isBusy = true; isBusy || count <= beginAfter; count += 1) {
      if (count === beginAfter) watch.watchRun(run, (end) => ends.push(end));
      isBusy = await turns.turn();
    }
    await writing;
    const atLeast = isEndedInTheEnd ? 1 : 0;
    expect([round, ends.length >= atLeast && ends.length <= 1]).toEqual([round, true]);
    expect([round, watch.count]).toEqual([round, ends.length === 1 ? 0 : 1]);
    projection.stop();
    watch.stop();
    index.close();
  }
});
