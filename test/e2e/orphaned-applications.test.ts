/**
 * Applications on clusters that outlive their worker, with real masters and workers: they decide what becomes of the attempt,
 * nothing is submitted twice, and a stop ends them without any worker. With a stand-in of YARN.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { installStandInClients } from '../kit/stand-in-clients.ts';
import { YarnStandIn } from '../kit/yarn-stand-in.ts';

let yarn: YarnStandIn;
let cluster: ProcessCluster;

beforeEach(async () => {
  yarn = await YarnStandIn.start();
  cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    workers: ['worker-1', 'worker-2'],
    master: { workerAbsenceMaxMs: 1_000, applicationAskIntervalMs: 100, memberTtlMs: 2_000 },
    clusters: { hadoop: { kind: 'yarn', addresses: yarn.addresses, user: 'etl', killRepeatIntervalMs: 50 } },
  });
});

afterEach(async () => {
  await cluster.remove();
  await yarn.close();
});

type Event = { type: string; data: Record<string, unknown> };

const historyOf = async (instance: InstanceId) => (await cluster.client.history(instance)) as Event[];

const whenSeen = (instance: InstanceId, type: string): Promise<Event> =>
  eventually(type, async () => (await historyOf(instance)).find((event) => event.type === type));

/** A spark task in cluster mode whose application runs; where it runs, and who owns the run. */
async function running() {
  const path = `${installStandInClients(join(cluster.folder, 'bin'))}:${process.env.PATH}`;
  const env = { PATH: path, STAND_IN_RM: yarn.addresses[0] };
  const spark = { type: 'spark', cluster: 'hadoop', application: 'a.jar', env };
  const parsed = parseDefinition(JSON.stringify({ name: 'orphaned', tasks: { spark } }), 'o.json');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  const definition: WorkflowDefinition = parsed.definition;
  await cluster.client.register(definition);
  const { instance } = await cluster.client.submit(definition.name);
  await whenSeen(instance, 'ApplicationFound');
  const [app] = yarn.apps.values();
  if (app === undefined) throw new Error('nothing was submitted');
  Object.assign(app, { state: 'RUNNING' });
  const history = await historyOf(instance);
  const last = (type: string) => history.findLast((event) => event.type === type)?.data ?? {};
  return {
    definition,
    instance,
    app,
    worker: String(last('TaskAssigned').worker),
    master: String(last('OwnershipTaken').master),
  };
}

const finish = (app: object) => Object.assign(app, { state: 'FINISHED', finalStatus: 'SUCCEEDED' });

it('a killed worker: the owner follows the application, and its success is that of the run', async () => {
  const { definition, instance, app, worker } = await running();
  await cluster.process(worker).end('SIGKILL');
  await whenSeen(instance, 'ApplicationAdopted');
  const why = await cluster.millrace('why', instance, 'spark');
  expect(why.output).toContain(`${app.id} on hadoop (running) is followed, until`);
  finish(app);
  const { run, tasks } = await cluster.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  expect(tasks).toMatchObject([{ attempts: 1 }]);
  expect(yarn.apps.size).toBe(1);
  const types = (await cluster.client.soundHistory(definition, instance)).map(({ type }) => type);
  expect(types.filter((type) => /Orphaned|Application/.test(type))).toEqual([
    'ApplicationFound',
    'TaskOrphaned',
    'ApplicationSeen',
    'ApplicationAdopted',
    'ApplicationEnded',
  ]);
});

it('a worker and its master killed at once: another master follows the application to its end', async () => {
  const { definition, instance, app, worker, master } = await running();
  await Promise.all([cluster.process(worker).end('SIGKILL'), cluster.process(master).end('SIGKILL')]);
  await whenSeen(instance, 'ApplicationAdopted');
  finish(app);
  const { run, tasks } = await cluster.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');
  expect(tasks).toMatchObject([{ attempts: 1 }]);
  expect(yarn.apps.size).toBe(1);
  const history = await cluster.client.soundHistory(definition, instance);
  expect(history.filter(({ type }) => type === 'TaskAssigned')).toHaveLength(1);
  expect((await historyOf(instance)).findLast(({ type }) => type === 'OwnershipTaken')?.data.master).not.toBe(master);
});

it('a stop ends the application, with its worker and without it', async () => {
  const { definition, instance, app, worker } = await running();
  app.killsToGo = 3; // The cluster takes its time.
  await cluster.process(worker).end('SIGKILL');
  await whenSeen(instance, 'ApplicationAdopted');
  await cluster.millrace('stop', instance);
  expect((await cluster.client.whenEnded(instance)).run.status).toBe('stopped');
  expect(app).toMatchObject({ state: 'KILLED' });
  await cluster.client.soundHistory(definition, instance);

  yarn.apps.clear();
  const second = await running();
  await cluster.millrace('stop', second.instance);
  expect((await cluster.client.whenEnded(second.instance)).run.status).toBe('stopped');
  expect(second.app).toMatchObject({ state: 'KILLED' });
  expect(await historyOf(second.instance)).toContainEqual(
    expect.objectContaining({ type: 'ApplicationEnded', data: expect.objectContaining({ state: 'killed' }) }),
  );
});
