/**
 * The takeover, shown: two masters, two workers, a run of about a minute. In the middle its owner is killed with SIGKILL.
 * Prints as a timeline what the stream says happened, and ends with the certificate.
 *
 *     npm run demo:takeover
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { StoredEvent } from '../kit/cluster-client.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';

const stageCount = 9;
const stageSeconds = 6;
const killAfterMs = 27_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  say('Starting NATS, the event store, two masters and two workers ...');
  const cluster = await startProcessCluster({ masters: ['master-1', 'master-2'] });
  try {
    const definition = workflowOf(stages(), { name: 'takeover-demo' as WorkflowName });
    await cluster.client.register(definition);
    const { instance } = await cluster.client.submit(definition.name);
    say(`A run of ${stageCount} stages was submitted: ${instance}. It takes about a minute.`);
    const killed = await killTheOwner(cluster, instance);
    const { run } = await cluster.client.whenEnded(instance, 180_000);
    say(`The run has ${run.status}.\n`);
    printTimeline(await cluster.client.history(instance), killed);
    const certificate = await cluster.millrace('certify', instance);
    say(`\n${certificate.output}`);
    return run.status === 'succeeded' ? (certificate.exitCode ?? 1) : 1;
  } finally {
    await cluster.remove();
  }
}

/** Two tasks a stage, each a real process; a stage needs the one before. */
function stages(): TaskDefinition[] {
  const tasks: TaskDefinition[] = [];
  for (let stage = 1; stage <= stageCount; stage += 1) {
    const needs = stage === 1 ? [] : [`left-${stage - 1}`, `right-${stage - 1}`];
    for (const side of ['left', 'right']) {
      const command = `sleep ${stageSeconds}; echo stage=${stage} > "$MILLRACE_OUTPUT"`;
      tasks.push({ ...taskOf(`${side}-${stage}`, needs), settings: { type: 'shell', command, graceMs: 1_000 } });
    }
  }
  return tasks;
}

type Killed = { master: string; at: number };

async function killTheOwner({ client, process: find }: ProcessCluster, instance: InstanceId): Promise<Killed> {
  await sleep(killAfterMs);
  const { owner } = await client.show(instance);
  const master = owner?.master as string;
  const at = Date.now();
  await find(master).end('SIGKILL');
  say(`kill -9 of ${master}, the owner, in the middle of the run.`);
  return { master, at };
}

function printTimeline(events: readonly StoredEvent[], killed: Killed): void {
  const startedAt = decidedAt(events[0] as StoredEvent);
  const lines = events.map((event) => ({ at: decidedAt(event), text: sentenceOf(event) }));
  lines.push({ at: killed.at, text: `*** ${killed.master} is killed ***` });
  for (const { at, text } of lines.toSorted((a, b) => a.at - b.at)) {
    say(`${((at - startedAt) / 1_000).toFixed(2).padStart(7)} s  ${text}`);
  }
}

function sentenceOf({ revision, type, data, metadata }: StoredEvent): string {
  const head = `#${String(revision).padEnd(3)} epoch ${metadata.epoch}  ${type.padEnd(18)}`;
  if (type === 'OwnershipTaken') {
    const why = data.evidence === undefined ? String(data.reason) : `${data.reason}: ${data.evidence}`;
    return `${head} ${data.master} (${why})`;
  }
  if (type === 'TaskAssigned') return `${head} ${data.task} to ${data.worker}, attempt ${data.attempt}`;
  return `${head} ${data.task ?? ''}`;
}

function decidedAt({ metadata }: StoredEvent): number {
  return Number(metadata.decidedAt);
}

process.exit(await main());
