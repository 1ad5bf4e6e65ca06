/** Masters die or freeze in the middle of runs; another one takes over, and the former one can do no harm. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500 },
    worker: { heartbeatIntervalMs: 500, slots: 8 },
  });
  ledger = join(cluster.folder, 'ledger');
});

afterAll(() => cluster.remove());

beforeEach(() => cluster.startMissing());

test('another master takes over the runs of a killed one and brings them to their end', async () => {
  const { definition, runs } = await submitRuns('killed');
  const owner = await ownerOf(runs[0]);

  await cluster.process(owner).end('SIGKILL');
  const histories = await endsOf(definition, runs);

  const moved = histories.filter((history) => firstOwnersOf(history)[0] === owner);
  expect(moved.length).toBeGreaterThan(0);
  for (const history of moved) expect(firstOwnersOf(history)).toEqual([owner, otherThan(owner)]);
  // Reports to an address where nobody listens are usual: no warning.
  expect(cluster.log()).not.toContain('cannot be read');
});

test('a frozen master is fenced: when it wakes up, it writes nothing into the runs that it has lost', async () => {
  const { definition, runs } = await submitRuns('frozen');
  const owner = await ownerOf(runs[0]);
  const frozen = cluster.process(owner);

  kill(frozen.pid, 'SIGSTOP');
  const lost = runs[0] as InstanceId;
  await cluster.client.whenWritten(lost, ({ type, data }) => type === 'OwnershipTaken' && data.epoch === 2);
  kill(frozen.pid, 'SIGCONT');
  const histories = await endsOf(definition, runs);

  expect(firstOwnersOf(histories[0] ?? [])).toEqual([owner, otherThan(owner)]);
  await eventually('the former owner answers again', async () => {
    const reply = await cluster.client.nats.request(subjects.master.ping(owner as MasterId), '{}', { timeout: 1_000 });
    return reply.data.length > 0 ? true : undefined;
  });
});

test('a master that is told to stop hands its runs over', async () => {
  const { definition, runs } = await submitRuns('stopped');
  const owner = await ownerOf(runs[0]);

  expect((await cluster.process(owner).end('SIGTERM')).code).toBe(0);
  const histories = await endsOf(definition, runs);

  expect(firstOwnersOf(histories[0] ?? [])).toEqual([owner, otherThan(owner)]);
});

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

async function ownerOf(run: InstanceId | undefined): Promise<string> {
  const { owner } = await cluster.client.show(run as InstanceId);
  return owner?.master ?? '';
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

/** The first two: a master that is back may be handed runs again. */
function firstOwnersOf(history: readonly StoredEvent[]): string[] {
  const owners = history.filter(({ type }) => type === 'OwnershipTaken').map(({ data }) => String(data.master));
  return owners.slice(0, 2);
}
