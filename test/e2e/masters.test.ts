/** Masters die or freeze in the middle of runs; another one takes over, and the former one can do no harm. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, MasterId, WorkflowName } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { StoredEvent } from '../kit/cluster-client.ts';
import { workflowOf } from '../kit/definitions.ts';
import { disagreements, readLedger, scriptTask, shellTask } from '../kit/effect-ledger.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { kill } from '../kit/processes.ts';

const chainCount = 4;
const chainLength = 15;

let cluster: ProcessCluster;
let ledger = '';

beforeAll(async () => {
  cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    // A busy machine must not make a worker seem lost.
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500, workerAbsenceMaxMs: 30_000 },
    worker: { heartbeatIntervalMs: 500, slots: 8 },
  });
  ledger = join(cluster.folder, 'ledger');
});

afterAll(() => cluster.remove());

beforeEach(async () => {
  onTestFailed(() => console.error(cluster.log()));
  await cluster.startMissing();
  await mastersKnowEachOther();
});

test('another master takes over the runs of a killed one and brings them to their end', async () => {
  const { definition, runs } = await submitRuns('killed');
  const killed = await holderOf(runs[0]);

  await cluster.process(killed.master).end('SIGKILL');
  const histories = await endsOf(definition, runs);

  const successors = histories.flatMap((history) => successorOf(history, killed));
  expect(successors.length).toBeGreaterThan(0);
  for (const successor of successors) {
    expect(successor).toMatchObject({ master: otherThan(killed.master), reason: 'masterLost' });
    expect(successor.evidence).toContain(killed.incarnation);
  }
  // Reports to an address where nobody listens are usual: no warning.
  expect(cluster.log()).not.toContain('cannot be read');
});

test('a frozen master is fenced: when it wakes up, it writes nothing into the runs that it has lost', async () => {
  const { definition, runs } = await submitRuns('frozen');
  const frozen = await holderOf(runs[0]);
  const { pid } = cluster.process(frozen.master);

  kill(pid, 'SIGSTOP');
  const lost = await heldBy(frozen, runs);
  expect(lost.length).toBeGreaterThan(0);
  for (const { run, epoch } of lost) {
    await cluster.client.whenWritten(run, ({ type, data }) => type === 'OwnershipTaken' && data.epoch === epoch + 1);
  }
  kill(pid, 'SIGCONT');
  await endsOf(definition, runs);

  for (const { run, epoch } of lost) {
    // It may rightfully have been handed the run again since.
    const successor = holdersIn(await cluster.client.history(run)).find((holder) => holder.epoch === epoch + 1);
    expect(successor).toMatchObject({ master: otherThan(frozen.master), reason: 'masterLost' });
  }
  await eventually('the former owner answers again', async () => {
    const subject = subjects.master.ping(frozen.master as MasterId);
    const reply = await cluster.client.nats.request(subject, '{}', { timeout: 1_000 });
    return reply.data.length > 0 ? true : undefined;
  });
});

test('a master that is told to stop hands its runs over', async () => {
  const { definition, runs } = await submitRuns('stopped');
  const stopped = await holderOf(runs[0]);

  expect((await cluster.process(stopped.master).end('SIGTERM')).code).toBe(0);
  const histories = await endsOf(definition, runs);

  const successors = histories.flatMap((history) => successorOf(history, stopped));
  expect(successors.length).toBeGreaterThan(0);
  for (const successor of successors) {
    expect(successor).toMatchObject({ master: otherThan(stopped.master), reason: 'handedOver' });
  }
});

/** Else one of them would hand runs to the other as soon as it hears of it: rightful, but in the way of what is shown. */
async function mastersKnowEachOther(): Promise<void> {
  let agreedCount = 0;
  await eventually('both masters know each other', async () => {
    // Any of the two answers.
    const { members } = (await cluster.client.ask(subjects.query('cluster'), {})) as { members: { kind: string }[] };
    const masterCount = members.filter(({ kind }) => kind === 'master').length;
    agreedCount = masterCount === 2 ? agreedCount + 1 : 0;
    return agreedCount >= 10 ? true : undefined;
  });
}

/** Several runs, so that each master owns some. */
async function submitRuns(name: string): Promise<{ definition: WorkflowDefinition; runs: InstanceId[] }> {
  const definition = workflowOf(chains(), { name: name as WorkflowName });
  await cluster.client.register(definition);
  const runs: InstanceId[] = [];
  for (let count = 0; count < 6; count += 1) runs.push((await cluster.client.submit(name)).instance);
  await cluster.client.whenWritten(runs[0] as InstanceId, ({ type }) => type === 'TaskSucceeded');
  return { definition, runs };
}

function chains(): TaskDefinition[] {
  const tasks: TaskDefinition[] = [];
  for (let chain = 0; chain < chainCount; chain += 1) {
    for (let step = 0; step < chainLength; step += 1) {
      const needs = step === 0 ? [] : [`c${chain}-${step - 1}`];
      const name = `c${chain}-${step}`;
      if (step === 5) tasks.push(shellTask(name, { ledger, needs, command: 'sleep 0.5' }));
      else tasks.push(scriptTask(name, { ledger, needs, afterMs: step % 2 === 0 ? 0 : 100 }));
    }
  }
  return tasks;
}

type Holder = { master: string; incarnation: string; epoch: number };

function holdersIn(history: readonly StoredEvent[]): (Holder & { reason: string; evidence: string })[] {
  return history
    .filter(({ type }) => type === 'OwnershipTaken')
    .map(({ data }) => data as Holder & { reason: string; evidence: string }); // The checker parses them.
}

/** Who has the run now, in which life. */
async function holderOf(run: InstanceId | undefined): Promise<Holder> {
  return holdersIn(await cluster.client.history(run as InstanceId)).at(-1) as Holder;
}

/** The unfinished runs of that life of a master. */
async function heldBy({ incarnation }: Holder, runs: readonly InstanceId[]) {
  const held: { run: InstanceId; epoch: number }[] = [];
  for (const run of runs) {
    const history = await cluster.client.history(run);
    const holder = holdersIn(history).at(-1);
    const hasEnded = history.some(({ type }) => type === 'WorkflowSucceeded');
    if (holder?.incarnation === incarnation && !hasEnded) held.push({ run, epoch: holder.epoch });
  }
  return held;
}

/** Who had the run after that life of a master had had it for the last time. */
function successorOf(history: readonly StoredEvent[], { incarnation }: Holder) {
  const holders = holdersIn(history);
  const last = holders.findLastIndex((holder) => holder.incarnation === incarnation);
  return last < 0 ? [] : holders.slice(last + 1, last + 2);
}

function otherThan(master: string): string {
  return master === 'master-1' ? 'master-2' : 'master-1';
}

async function endsOf(definition: WorkflowDefinition, runs: readonly InstanceId[]): Promise<StoredEvent[][]> {
  const histories: StoredEvent[][] = [];
  for (const run of runs) {
    expect((await cluster.client.whenEnded(run)).run.status).toBe('succeeded');
    const history = await cluster.client.soundHistory(definition, run);
    expect(disagreements(readLedger(ledger), history)).toEqual([]);
    expect(history.filter(({ type }) => type === 'TaskLost')).toEqual([]);
    histories.push(history);
  }
  return histories;
}
