/**
 * Tasks of each type that starts applications on clusters, with real masters and workers: what is known while they run, what
 * is taken for an application and what is not, and that a killed worker takes them up again. With stand-ins of the clusters;
 * MILLRACE_TEST_KUBECONFIG runs a Job on a real one, MILLRACE_TEST_YARN and MILLRACE_TEST_YARN_COMMAND an application of YARN.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { eventually } from '../kit/eventually.ts';
import { KubernetesStandIn } from '../kit/kubernetes-stand-in.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { installStandInClients } from '../kit/stand-in-clients.ts';
import { YarnStandIn } from '../kit/yarn-stand-in.ts';

let yarn: YarnStandIn;
let api: KubernetesStandIn;
let cluster: ProcessCluster | undefined;
beforeEach(async () => {
  yarn = await YarnStandIn.start();
  api = await KubernetesStandIn.start();
});
afterEach(async () => {
  await cluster?.remove();
  cluster = undefined;
  await Promise.all([yarn.close(), api.close()]);
});

async function started(workerAbsenceMaxMs = 30_000): Promise<ProcessCluster> {
  cluster = await startProcessCluster({
    workers: ['worker-1'],
    master: { workerAbsenceMaxMs },
    worker: { drainDeadlineMs: 500 },
    clusters: {
      hadoop: { kind: 'yarn', addresses: yarn.addresses, user: 'etl' },
      pods: { kind: 'kubernetes', addresses: [api.server.address], namespace: 'etl' },
    },
  });
  return cluster;
}

/** Tasks of users, whose clients are the stand-ins. */
function workflow(folder: string, tasks: Record<string, object>): WorkflowDefinition {
  const path = `${installStandInClients(join(folder, 'bin'))}:${process.env.PATH}`;
  const env = { PATH: path, STAND_IN_RM: yarn.addresses[0] };
  const named = Object.entries(tasks).map(([name, task]) => [name, { cluster: 'hadoop', env, ...task }]);
  const parsed = parseDefinition(JSON.stringify({ name: 'clusters', tasks: Object.fromEntries(named) }), 'c.json');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  return parsed.definition;
}

async function submitted(own: ProcessCluster, definition: WorkflowDefinition): Promise<InstanceId> {
  await own.client.register(definition);
  return (await own.client.submit(definition.name)).instance;
}

type Found = { task: string; attemptId: string; kind: string; id: string; cluster: string };

async function foundIn(own: ProcessCluster, instance: InstanceId): Promise<Found[]> {
  const events = await own.client.history(instance);
  return events.filter(({ type }) => type === 'ApplicationFound').map(({ data }) => data as Found);
}

const whenFound = (own: ProcessCluster, instance: InstanceId, count: number): Promise<Found[]> =>
  eventually(`${count} applications`, async () => {
    const found = await foundIn(own, instance);
    return found.length >= count ? found : undefined;
  });

const endAll = () => {
  for (const app of yarn.apps.values()) Object.assign(app, { state: 'FINISHED', finalStatus: 'SUCCEEDED' });
  for (const { metadata } of api.objects.jobs) api.end(metadata.name, 0);
};

it('applications of every type are known while they run, and their end is that of their task', async () => {
  const own = await started();
  const application = 'program.jar';
  const definition = workflow(own.folder, {
    spark: { type: 'spark', application },
    flink: { type: 'flink', application },
    mapreduce: { type: 'mapreduce', application },
    yarn: { type: 'yarn', command: 'STAND_IN_TAG=$MILLRACE_ATTEMPT_ID yarn jar program.jar' },
    k8s: { type: 'k8s', cluster: 'pods', image: 'busybox', command: ['true'] },
  });
  const instance = await submitted(own, definition);
  const found = await whenFound(own, instance, 5);
  const byTask = new Map(found.map((one) => [one.task, one]));
  for (const { id, applicationTags } of yarn.apps.values()) {
    expect(found).toContainEqual(expect.objectContaining({ kind: 'yarn', id, attemptId: applicationTags }));
  }
  const { attemptId } = byTask.get('k8s') as Found;
  expect(byTask.get('k8s')).toMatchObject({ kind: 'kubernetes', id: `job/etl/millrace-${attemptId}`, cluster: 'pods' });
  const shown = await own.millrace('show', instance);
  for (const { id, cluster: where } of found) expect(shown.output).toContain(`${id} on ${where}`);
  const why = await own.millrace('why', instance, 'spark');
  expect(why.output).toContain(`it has started ${byTask.get('spark')?.id} on hadoop`);

  endAll();
  const { run } = await own.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  const history = await own.client.soundHistory(definition, instance);
  const types = history.map(({ type, data }) => `${type} ${(data as { task?: string }).task ?? ''}`);
  for (const task of byTask.keys()) {
    expect(types.indexOf(`ApplicationFound ${task}`)).toBeLessThan(types.indexOf(`TaskSucceeded ${task}`));
  }
  expect(yarn.apps.size).toBe(4);
});

it('only what the client of a task submits is its application, and each of several is (known faults 18 and 19)', async () => {
  const own = await started();
  const [foreign] = [yarn.submit(), yarn.submit()];
  const listing = `yarn application -list; echo "my job is ${foreign?.id}"`;
  const definition = workflow(own.folder, {
    lists: { type: 'spark', command: `${listing}; spark-submit a.jar & spark-submit b.jar & wait; ${listing}` },
    prints: { type: 'shell', command: `${listing}; spark-submit c.jar`, cluster: undefined },
  });
  const instance = await submitted(own, definition);
  const found = await whenFound(own, instance, 2);
  await eventually('all are submitted', () => yarn.apps.size === 5 || undefined);
  endAll();
  const { run } = await own.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  const all = await foundIn(own, instance);
  expect(all).toEqual(found);
  const submittedByTask = [...yarn.apps.values()].slice(2).map(({ id }) => id);
  expect(new Set(all.map(({ task }) => task))).toEqual(new Set(['lists']));
  for (const { id } of all) expect(submittedByTask).toContain(id);
});

it('a killed worker that returns takes the applications up again: none is submitted twice', async () => {
  const own = await started();
  const definition = workflow(own.folder, {
    spark: { type: 'spark', application: 'a.jar' },
    flink: { type: 'flink', application: 'a.jar' },
    k8s: { type: 'k8s', cluster: 'pods', image: 'busybox' },
  });
  const instance = await submitted(own, definition);
  const found = await whenFound(own, instance, 3);
  await own.process('worker-1').end('SIGKILL');
  api.say(api.objects.jobs[0]?.metadata.name ?? '', 'said while the worker was away');
  await own.start('worker-1');
  endAll();
  const { run } = await own.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  const history = await own.client.soundHistory(definition, instance);
  expect(history.filter(({ type }) => type === 'TaskLost')).toEqual([]);
  expect(await foundIn(own, instance)).toEqual(found);
  expect(yarn.apps.size).toBe(2);
  expect(api.made).toHaveLength(1);
  expect((await own.millrace('logs', instance, 'k8s')).output).toContain('said while the worker was away');
});

it.each(['SIGKILL', 'SIGTERM'] as const)(
  'a worker that is gone for good by %s leaves its applications to the owner of the run',
  async (signal) => {
    const own = await started(1_000);
    const definition = workflow(own.folder, {
      spark: { type: 'spark', application: 'a.jar' },
      flink: { type: 'flink', application: 'a.jar' },
      k8s: { type: 'k8s', cluster: 'pods', image: 'busybox' },
    });
    const instance = await submitted(own, definition);
    await whenFound(own, instance, 3);
    await own.process('worker-1').end(signal);
    await eventually('the owner follows all of them', async () => {
      const events = await own.client.history(instance);
      return events.filter(({ type }) => type === 'ApplicationAdopted').length === 3 || undefined;
    });
    endAll();
    const { run } = await own.client.whenEnded(instance);
    expect(run.status).toBe('succeeded');
    expect([yarn.apps.size, api.made.length]).toEqual([2, 1]);
    await own.client.soundHistory(definition, instance);
  },
);

it('a stopped run leaves no application alive, whether its client still runs or not (known fault 20)', async () => {
  const own = await started();
  const definition = workflow(own.folder, {
    spark: { type: 'spark', application: 'a.jar' },
    flink: { type: 'flink', application: 'a.jar' },
    k8s: { type: 'k8s', cluster: 'pods', image: 'busybox' },
  });
  const instance = await submitted(own, definition);
  await whenFound(own, instance, 3);
  await own.millrace('stop', instance);
  const { run } = await own.client.whenEnded(instance);
  expect(run.status).toBe('stopped');
  expect([...yarn.apps.values()].map(({ state }) => state)).toEqual(['KILLED', 'KILLED']);
  expect(api.objects).toEqual({ jobs: [], pods: [] });
  await own.client.soundHistory(definition, instance);
});

it('a task whose cluster no master knows is refused when it is registered', async () => {
  const own = await started();
  const file = join(own.folder, 'c.json');
  const spark = { type: 'spark', application: 'a.jar', cluster: 'hadop' };
  writeFileSync(file, JSON.stringify({ name: 'c', tasks: { spark } }));
  const { exitCode, output } = await own.millrace('register', file);
  expect(output).toContain('expected a cluster that is configured (hadoop, pods); came "hadop"');
  expect(exitCode).toBe(65);
});

const { MILLRACE_TEST_KUBECONFIG: kubeconfig, MILLRACE_TEST_NAMESPACE: namespace = 'default' } = process.env;
it.runIf(kubeconfig !== undefined)('a Job runs on a real cluster', async () => {
  const clusters = { pods: { kind: 'kubernetes' as const, kubeconfig: kubeconfig ?? '', namespace } };
  cluster = await startProcessCluster({ workers: ['worker-1'], clusters });
  const command = ['sh', '-c', 'echo "#{setValue(rows=3)}"'];
  const job = { type: 'k8s', cluster: 'pods', image: 'busybox', command, env: {} };
  const instance = await submitted(cluster, workflow(cluster.folder, { job }));
  const { run, tasks } = await cluster.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  expect(tasks[0]?.outputs).toEqual({ rows: '3' });
});

const { MILLRACE_TEST_YARN: addresses, MILLRACE_TEST_YARN_USER: user = 'etl' } = process.env;
const realCommand = process.env.MILLRACE_TEST_YARN_COMMAND;
it.runIf(addresses !== undefined && realCommand !== undefined)('an application runs on a real YARN', async () => {
  const clusters = { hadoop: { kind: 'yarn' as const, addresses: addresses?.split(',') ?? [], user } };
  cluster = await startProcessCluster({ workers: ['worker-1'], clusters });
  const definition = workflow(cluster.folder, { app: { type: 'yarn', command: realCommand ?? '', env: {} } });
  const instance = await submitted(cluster, definition);
  const { run } = await cluster.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  expect(await foundIn(cluster, instance)).toHaveLength(1);
});
