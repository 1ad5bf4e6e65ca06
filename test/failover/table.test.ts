/**
 * What a run comes to whose master is gone: the failover table of Apache DolphinScheduler's own tests, in our states. There
 * the worker cannot hand over; here that is a worker that is gone. The journal holds the run up to the moment, no master
 * lives; then one starts, and a worker.
 *
 * | their run   | their task | our run  | our task  | theirs ends as, rows of the task | ours ends as, attempts    |
 * | ----------- | ---------- | -------- | --------- | -------------------------------- | ------------------------- |
 * | RUNNING     | SUBMITTED  | active   | ready     | SUCCESS: 1                       | succeeded: 1              |
 * | RUNNING     | DISPATCH   | active   | assigned  | SUCCESS: 2, the first is void    | succeeded: 2, first lost  |
 * | RUNNING     | RUNNING    | active   | running   | SUCCESS: 2, the first is void    | succeeded: 2, first lost  |
 * | RUNNING     | SUCCESS    | active   | succeeded | SUCCESS: 1, unchanged            | succeeded: 1, unchanged   |
 * | RUNNING     | FAILURE    | active   | failed    | FAILURE: 1, unchanged            | failed: 1, unchanged      |
 * | READY_STOP  | SUBMITTED  | stopping | stopped   | STOP: 1                          | stopped: 0, none was made |
 * | READY_STOP  | DISPATCH   | stopping | cancelling | STOP: 2, the first is void      | stopped: 1, lost          |
 * | READY_STOP  | SUCCESS    | stopping | succeeded | SUCCESS: 1, unchanged            | succeeded: 1, unchanged   |
 * | READY_STOP  | FAILURE    | stopping | failed    | FAILURE: 1, unchanged            | failed: 1, unchanged      |
 * | READY_STOP  | KILL       | stopping | stopped   | STOP: 1, unchanged               | stopped: 1, unchanged     |
 *
 * | READY_PAUSE | SUBMITTED  | pausing  | ready     | PAUSE: 1                         | paused: 0, none was made  |
 * | READY_PAUSE | DISPATCH   | pausing  | assigned  | PAUSE: 2, the first is void      | paused: 1, lost           |
 * | READY_PAUSE | SUCCESS    | pausing  | succeeded | SUCCESS: 1, unchanged            | succeeded: 1, unchanged   |
 * | READY_PAUSE | FAILURE    | pausing  | failed    | FAILURE: 1, unchanged            | failed: 1, unchanged      |
 * | READY_PAUSE | PAUSE      | paused   | ready     | PAUSE: 1, unchanged              | paused: 0, unchanged      |
 *
 * A paused run is not an ended one here: it goes on with the same attempts when it is resumed. Where the worker lives, ours
 * needs no second attempt: see the end of this file.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { RunReply } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { createJournalCertifier } from '../../src/certify/journal-certifier.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { ownershipTaken, runEvent, submitted, taskEvent } from '../actors/run-events.ts';
import { certifiedId } from '../kit/certified-runs.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { recordedOf } from '../kit/recorded.ts';
import { writeRun } from '../kit/written-runs.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
});

afterEach(() => cluster.stop());

const definition = workflowOf([taskOf('a')]);
const instance = certifiedId('k');
const reference = { name: definition.name, version: 1, digest: digestOf(definition) };
const begun = [
  { ...submitted, data: { ...submitted.data, definition: reference, key: 'k' } } as WorkflowInstanceEvent,
  ownershipTaken(1),
];
const assigned = [...begun, taskEvent('TaskAssigned', 'a')];
const running = [...assigned, taskEvent('TaskAccepted', 'a'), taskEvent('TaskStarted', 'a')];
const stopRequested = runEvent('WorkflowStopRequested');

const pauseRequested = runEvent('WorkflowPauseRequested');

/** The run as it stands; then a master takes it over, with a worker that never heard of it. */
async function takenOver(history: readonly WorkflowInstanceEvent[], worker: string): Promise<RunReply> {
  await writeRun(cluster.store.connect(), instance, recordedOf(history), definition);
  await cluster.startMaster('m1');
  await cluster.startWorker(worker);
  return cluster.whenEnded(instance);
}

const typesAfter = (history: readonly WorkflowInstanceEvent[]) =>
  cluster
    .eventsOf(instance)
    .slice(history.length)
    .map(({ type }) => type)
    .filter((type) => type.startsWith('Task') && type !== 'TaskAccepted' && type !== 'TaskStarted');

type Row = {
  row: string;
  history: WorkflowInstanceEvent[];
  status: string;
  attempts: number;
  /** What becomes of the task under the new master, beside accepted and started. */
  follows: string[];
};

const rows: Row[] = [
  {
    row: 'RUNNING, SUBMITTED',
    history: begun,
    status: 'succeeded',
    attempts: 1,
    follows: ['TaskAssigned', 'TaskSucceeded'],
  },
  {
    row: 'RUNNING, RUNNING',
    history: running,
    status: 'succeeded',
    attempts: 2,
    follows: ['TaskLost', 'TaskAssigned', 'TaskSucceeded'],
  },
  {
    row: 'RUNNING, SUCCESS',
    history: [...running, taskEvent('TaskSucceeded', 'a')],
    status: 'succeeded',
    attempts: 1,
    follows: [],
  },
  {
    row: 'RUNNING, FAILURE',
    history: [...running, taskEvent('TaskFailed', 'a')],
    status: 'failed',
    attempts: 1,
    follows: [],
  },
  {
    row: 'READY_PAUSE, SUCCESS',
    history: [...running, pauseRequested, taskEvent('TaskSucceeded', 'a')],
    status: 'succeeded',
    attempts: 1,
    follows: [],
  },
  {
    row: 'READY_PAUSE, FAILURE',
    history: [...running, pauseRequested, taskEvent('TaskFailed', 'a')],
    status: 'failed',
    attempts: 1,
    follows: [],
  },
  {
    row: 'READY_STOP, SUBMITTED',
    history: [...begun, stopRequested],
    status: 'stopped',
    attempts: 0,
    follows: [],
  },
  {
    row: 'READY_STOP, DISPATCH',
    history: [...assigned, stopRequested],
    status: 'stopped',
    attempts: 1,
    follows: ['TaskLost'],
  },
  {
    row: 'READY_STOP, SUCCESS',
    history: [...running, stopRequested, taskEvent('TaskSucceeded', 'a')],
    status: 'succeeded',
    attempts: 1,
    follows: [],
  },
  {
    row: 'READY_STOP, FAILURE',
    history: [...running, stopRequested, taskEvent('TaskFailed', 'a')],
    status: 'failed',
    attempts: 1,
    follows: [],
  },
  {
    row: 'READY_STOP, KILL',
    history: [...running, stopRequested, taskEvent('TaskStopped', 'a')],
    status: 'stopped',
    attempts: 1,
    follows: [],
  },
];

describe('a run whose master and worker are gone', () => {
  test.each(rows)('$row: ends as $status after $attempts attempts', async ({ history, status, attempts, follows }) => {
    const ended = await takenOver(history, 'w1');
    expect(ended.run.status).toBe(status);
    expect(ended.tasks[0]?.attempts).toBe(attempts);
    expect(typesAfter(history)).toEqual(follows);
    const certificate = await createJournalCertifier(cluster.store.connect()).certify(instance);
    expect(certificate.holds).toBe(true);
    expect(certificate.owners.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('RUNNING, DISPATCH: nobody listens where the offer goes, so the attempt is given up and another one is made', async () => {
    const ended = await takenOver(assigned, 'w1');
    expect(ended).toMatchObject({ run: { status: 'succeeded' }, tasks: [{ attempts: 2, worker: 'w1' }] });
    expect(['TaskRejected', 'TaskLost']).toContain(typesAfter(assigned)[0]);
  });
});

describe('a pausing run whose master and worker are gone', () => {
  const pausing: Omit<Row, 'status'>[] = [
    { row: 'READY_PAUSE, SUBMITTED', history: [...begun, pauseRequested], attempts: 0, follows: [] },
    { row: 'READY_PAUSE, DISPATCH', history: [...assigned, pauseRequested], attempts: 1, follows: ['TaskLost'] },
    { row: 'READY_PAUSE, RUNNING', history: [...running, pauseRequested], attempts: 1, follows: ['TaskLost'] },
    {
      row: 'READY_PAUSE, PAUSE',
      history: [...begun, pauseRequested, runEvent('WorkflowPaused')],
      attempts: 0,
      follows: [],
    },
  ];

  test.each(pausing)('$row: is paused after $attempts attempts, and goes on when it is resumed', async (row) => {
    await writeRun(cluster.store.connect(), instance, recordedOf(row.history), definition);
    await cluster.startMaster('m1');
    await cluster.startWorker('w1');
    const found = async () => {
      const { run, tasks, owner } = await cluster.show(instance);
      return { status: run.status, task: tasks[0]?.status, attempts: tasks[0]?.attempts, epoch: owner?.epoch };
    };
    const paused = { status: 'paused', task: 'ready', attempts: row.attempts, epoch: 2 };
    await expect.poll(found, { timeout: 5_000 }).toEqual(paused);
    const follows = typesAfter(row.history).map((type) => (type === 'TaskRejected' ? 'TaskLost' : type));
    expect(follows).toEqual(row.follows);
    await cluster.ask(subjects.command, { type: 'resume', instance, by: 'ann' });
    const ended = await cluster.whenEnded(instance);
    expect(ended).toMatchObject({ run: { status: 'succeeded' }, tasks: [{ attempts: row.attempts + 1 }] });
    const certificate = await createJournalCertifier(cluster.store.connect()).certify(instance);
    expect(certificate.holds).toBe(true);
  });
});

/** Better than their table: the worker is asked for what it has. */
describe('a run whose master is gone while the worker lives', () => {
  test('an attempt that the restarted worker never accepted is refused by it, and made anew', async () => {
    const ended = await takenOver(assigned, 'worker-1');
    expect(ended).toMatchObject({ run: { status: 'succeeded' }, tasks: [{ attempts: 2, worker: 'worker-1' }] });
  });

  test('a worker that no longer has the attempt says so at once: nothing waits for a limit', async () => {
    const ended = await takenOver(running, 'worker-1');
    expect(ended).toMatchObject({ run: { status: 'succeeded' }, tasks: [{ attempts: 2, worker: 'worker-1' }] });
    const lost = cluster.eventsOf(instance).find(({ type }) => type === 'TaskLost');
    expect(lost?.data).toMatchObject({ reason: { code: 'WORKER_INCARNATION_GONE' } });
  });

  test('an attempt under way goes on, and its result is the result of the run', async () => {
    const task = taskOf('a');
    task.settings = { type: 'shell', command: 'sleep 0.6', graceMs: 100 };
    await cluster.startMaster('m1');
    await cluster.startWorker('w1');
    await cluster.register(workflowOf([task]));
    const receipt = await cluster.submit('tested');
    await expect.poll(async () => (await cluster.show(receipt.instance)).tasks[0]?.status).toBe('running');
    cluster.kill('m1');
    await cluster.startMaster('m2');
    const ended = await cluster.whenEnded(receipt.instance);
    expect(ended).toMatchObject({ run: { status: 'succeeded' }, tasks: [{ attempts: 1 }], owner: { epoch: 2 } });
  });
});
