/**
 * An application on YARN that outlives the worker and the master of its task, shown: both are killed with SIGKILL while it
 * runs. Prints as a timeline what the stream says happened, and ends with the certificate. YARN is a stand-in.
 *
 *     npm run demo:yarn
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { EventView } from '../../schemas/messages/client.messages.ts';
import { describeEvent } from '../../src/cli/output/describe-event.ts';
import { loadDefinitionFile } from '../../src/definitions/load-definition-file.ts';
import type { StoredEvent } from '../kit/cluster-client.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { installStandInClients } from '../kit/stand-in-clients.ts';
import { YarnStandIn } from '../kit/yarn-stand-in.ts';

const example = new URL('../../examples/yarn-failover/workflow.yaml', import.meta.url).pathname;
const runsOnMs = 2_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  say('Starting NATS, the event store, two masters, two workers and a stand-in of YARN ...');
  const yarn = await YarnStandIn.start();
  const cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    master: { workerAbsenceMaxMs: 1_000, applicationAskIntervalMs: 200, memberTtlMs: 2_000 },
    clusters: { hadoop: { kind: 'yarn', addresses: yarn.addresses, user: 'etl' } },
  });
  try {
    return await show(cluster, yarn);
  } finally {
    await cluster.remove();
    await yarn.close();
  }
}

async function show(cluster: ProcessCluster, yarn: YarnStandIn): Promise<number> {
  const definition = await withStandIn(cluster, yarn);
  await cluster.client.register(definition);
  const { instance } = await cluster.client.submit(definition.name);
  say(`A run was submitted: ${instance}.`);
  await whenTold(cluster, instance, 'ApplicationFound');
  const [app] = yarn.apps.values();
  if (app === undefined) throw new Error('no application was submitted');
  Object.assign(app, { state: 'RUNNING' });
  await killBoth(cluster, instance, app.id);
  await whenTold(cluster, instance, 'ApplicationAdopted');
  await sleep(runsOnMs);
  Object.assign(app, { state: 'FINISHED', finalStatus: 'SUCCEEDED' });
  const { run } = await cluster.client.whenEnded(instance, 60_000);
  say(`The run has ${run.status}; applications that were submitted: ${yarn.apps.size}.\n`);
  for (const line of timeline(await cluster.client.history(instance))) say(line);
  const certificate = await cluster.millrace('certify', instance);
  say(`\n${certificate.output}`);
  return run.status === 'succeeded' && yarn.apps.size === 1 ? (certificate.exitCode ?? 1) : 1;
}

/** The example as it is, with a client that is a stand-in too. */
async function withStandIn({ folder }: ProcessCluster, yarn: YarnStandIn): Promise<WorkflowDefinition> {
  const loaded = await loadDefinitionFile(example);
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  const path = `${installStandInClients(join(folder, 'bin'))}:${process.env.PATH}`;
  const env = { PATH: path, STAND_IN_RM: yarn.addresses[0] ?? '' };
  const tasks = loaded.definition.tasks.map((task) => (task.name === 'load' ? { ...task, env } : task));
  return { ...loaded.definition, tasks };
}

async function killBoth({ client, process: find }: ProcessCluster, instance: InstanceId, id: string): Promise<void> {
  const { owner, tasks } = await client.show(instance);
  const master = owner?.master as string;
  const worker = tasks[0]?.worker as string;
  await Promise.all([find(worker).end('SIGKILL'), find(master).end('SIGKILL')]);
  say(`kill -9 of ${worker}, which has started ${id}, and of ${master}, the owner of the run.`);
}

function whenTold({ client }: ProcessCluster, instance: InstanceId, type: string): Promise<StoredEvent> {
  return eventually(type, async () => (await client.history(instance)).find((event) => event.type === type));
}

function timeline(events: readonly StoredEvent[]): string[] {
  const at = ({ metadata }: StoredEvent) => Number(metadata.decidedAt);
  const startedAt = at(events[0] as StoredEvent);
  // Reason for the cast: what is stored is JSON.
  return events.map((event) => {
    const { type, data } = event;
    const seconds = ((at(event) - startedAt) / 1_000).toFixed(2).padStart(7);
    return `${seconds} s  epoch ${event.metadata.epoch}  ${type.padEnd(20)} ${describeEvent({ type, data: data as EventView['data'] })}`;
  });
}

process.exit(await main());
