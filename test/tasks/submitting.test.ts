// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
/** Tasks that submit applications with the clients of clusters: what the clients are asked, and what becomes of it. */
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClusterClients } from '../../src/clusters/cluster-clients.adapter.ts';
import type { CommandTaskTypeOptions } from '../../src/tasks/command-task.ts';
import { createFlinkTaskType } from '../../src/tasks/flink/flink.task-type.ts';
import { createMapreduceTaskType } from '../../src/tasks/mapreduce/mapreduce.task-type.ts';
import { createSparkTaskType } from '../../src/tasks/spark/spark.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import type { TaskType } from '../../src/tasks/task-type.port.ts';
import { createYarnTaskType } from '../../src/tasks/yarn/yarn.task-type.ts';
import { clusterConfig, surroundings } from '../kit/cluster-configs.ts';
import { eventually } from '../kit/eventually.ts';
import { installStandInClients } from '../kit/stand-in-clients.ts';
import { YarnStandIn } from '../kit/yarn-stand-in.ts';
import { type AttemptFixture, closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

const creators = {
  spark: createSparkTaskType,
  flink: createFlinkTaskType,
  mapreduce: createMapreduceTaskType,
  yarn: createYarnTaskType,
};
type Name = keyof typeof creators;

let folder: string;
let yarn: YarnStandIn;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'submitting-test-'));
  yarn = await YarnStandIn.start();
});
afterEach(async () => {
  closeAttempts();
  await yarn.close();
  rmSync(folder, { recursive: true, force: true });
});

function options(): CommandTaskTypeOptions {
  const clusters = { hadoop: clusterConfig({ kind: 'yarn', addresses: yarn.addresses, user: 'etl' }) };
  const bin = installStandInClients(join(folder, 'bin'));
  return {
    processes: systemProcessTable,
    baseEnvironment: { PATH: `${bin}:${process.env.PATH}` },
    clusters,
    clusterClients: createClusterClients(clusters, surroundings),
  };
}

const typeOf = (name: Name): TaskType => creators[name](options());
const common = { cluster: 'hadoop', options: [], args: [], graceMs: 1_000 };
const lists = { spark: { conf: {}, master: 'yarn', deployMode: 'cluster' }, flink: { conf: {}, deployMode: 'perJob' } };
const defaults = { ...lists, mapreduce: { conf: {} }, yarn: {} };

function run(name: Name, settings: object, more: FixtureOptions = {}): AttemptFixture {
  const env = { STAND_IN_RM: yarn.addresses[0] ?? '', ...more.env };
  return runAttempt(typeOf(name), { type: name, ...common, ...defaults[name], ...settings }, { ...more, env });
}

/** What the client was asked, word by word; the id of the attempt is `TAG`, its folder `ROOT`. */
async function wordsOf(name: Name, settings: object, more: FixtureOptions = {}): Promise<string[]> {
  const program = join(folder, 'client');
  writeFileSync(program, `#!/bin/sh\nfor word in "$@"; do printf '%s\\n' "$word"; done\n`);
  chmodSync(program, 0o755);
  const attempt = run(name, { program, ...settings }, more);
  expect(await attempt.result).toEqual({ kind: 'succeeded', outputs: {} });
  const said = attempt.output().replaceAll(attempt.offer.attemptId, 'TAG').replaceAll(attempt.root, 'ROOT');
  return said.trimEnd().split('\n');
}

describe('the client is asked', () => {
  it('by spark for resources, and for the tag beside those of the task', async () => {
    const settings = {
      application: 'daily.jar',
      mainClass: 'a.Daily',
      name: 'daily of ${day}',
      queue: 'night',
      driverMemory: '1g',
      driverCores: 1,
      executorMemory: '2g',
      executorCores: 2,
      executors: 3,
      conf: { 'spark.yarn.tags': 'finance', 'spark.x': 'a b' },
      options: ['--verbose'],
      args: ['${day}'],
    };
    expect(await wordsOf('spark', settings, { params: { day: '2030-01-31' } })).toEqual([
      ...['--master', 'yarn', '--deploy-mode', 'cluster', '--name', 'daily of 2030-01-31', '--queue', 'night'],
      ...['--driver-memory', '1g', '--driver-cores', '1', '--executor-memory', '2g', '--executor-cores', '2'],
      ...['--num-executors', '3', '--conf', 'spark.yarn.tags=finance,TAG', '--conf', 'spark.x=a b'],
      ...['--verbose', '--class', 'a.Daily', 'daily.jar', '2030-01-31'],
    ]);
  });

  it('by spark on Kubernetes for the label of the driver', async () => {
    const words = await wordsOf('spark', { application: 'local:///daily.py', master: 'k8s://https://api:6443' });
    expect(words).toContain('spark.kubernetes.driver.label.millrace/attempt=TAG');
    expect(words.join()).not.toContain('spark.yarn.tags');
  });

  it('by spark for SQL in a file, whose own variables are left alone', async () => {
    const settings = { sql: 'SELECT ${a}, ${own};', deployMode: 'client' };
    const program = join(folder, 'sql');
    writeFileSync(program, '#!/bin/sh\nwhile [ "$1" != -f ]; do shift; done; cat "$2"\n', { mode: 0o755 });
    const attempt = run('spark', { ...settings, program }, { params: { a: 1 } });
    await attempt.result;
    expect(attempt.output()).toBe('SELECT 1, ${own};');
  });

  it('by flink for an application of its own', async () => {
    const settings = { application: 'stream.jar', mainClass: 'a.B', deployMode: 'application', args: ['x'], slots: 2 };
    const more = { parallelism: 4, savepoint: 's3://s', queue: 'q', jobManagerMemory: '1g', taskManagerMemory: '2g' };
    expect(await wordsOf('flink', { ...settings, ...more })).toEqual([
      ...['run-application', '-t', 'yarn-application', '-p', '4', '-s', 's3://s', '-Dyarn.application.name=flow.step'],
      ...['-Dyarn.application.queue=q', '-Djobmanager.memory.process.size=1g', '-Dtaskmanager.memory.process.size=2g'],
      ...['-Dtaskmanager.numberOfTaskSlots=2', '-Dyarn.tags=TAG', '-c', 'a.B', 'stream.jar', 'x'],
    ]);
    expect(await wordsOf('flink', { application: 'job.py' })).toEqual([
      ...['run', '-t', 'yarn-per-job', '-Dyarn.application.name=flow.step', '-Dyarn.tags=TAG', '-py', 'job.py'],
    ]);
  });

  it('by flink for SQL, with the tag among its settings', async () => {
    const program = join(folder, 'sql');
    writeFileSync(program, '#!/bin/sh\ncat "$2" "$4"\n', { mode: 0o755 });
    const attempt = run('flink', { sql: 'SELECT 1;', program, name: "it's" });
    await attempt.result;
    expect(attempt.output().split('\n')).toEqual([
      "SET 'execution.target' = 'yarn-per-job';",
      "SET 'yarn.application.name' = 'it''s';",
      `SET 'yarn.tags' = '${attempt.offer.attemptId}';`,
      'SELECT 1;',
    ]);
  });

  it('by mapreduce and by yarn', async () => {
    const job = { application: 'job.jar', mainClass: 'a.B', queue: 'q', mapMemory: '1g', reduceMemory: '1500k' };
    expect(await wordsOf('mapreduce', { ...job, args: ['in', 'out'] })).toEqual([
      ...['jar', 'job.jar', 'a.B', '-Dmapreduce.job.name=flow.step', '-Dmapreduce.job.queuename=q'],
      ...['-Dmapreduce.map.memory.mb=1024', '-Dmapreduce.reduce.memory.mb=2', '-Dmapreduce.job.tags=TAG', 'in', 'out'],
    ]);
    const shell = { application: 'shell.jar', options: ['-queue', 'q'], args: ['-shell_command', 'date'] };
    expect(await wordsOf('yarn', shell)).toEqual(['jar', 'shell.jar', '-queue', 'q', '-shell_command', 'date']);
  });

  it('with words that no shell takes apart', async () => {
    const mean = `'; touch ${join(folder, 'hacked')}; echo $(date) "\`date\`" \\ *`;
    const words = await wordsOf('yarn', { application: 'a.jar', args: ['${mean}'] }, { params: { mean } });
    expect(words.at(-1)).toBe(mean);
    expect(existsSync(join(folder, 'hacked'))).toBe(false);
  });

  it('as the raw command says, which finds the tag and the settings of clients in its environment', async () => {
    const attempt = run('spark', { command: 'echo "$MILLRACE_ATTEMPT_ID $HADOOP_USER_NAME ${unknown:-left alone}"' });
    await attempt.result;
    expect(attempt.output()).toBe(`${attempt.offer.attemptId} etl left alone\n`);
  });
});

describe('an application', () => {
  const end = (finalStatus: string) => {
    for (const app of yarn.apps.values()) Object.assign(app, { state: 'FINISHED', finalStatus });
  };
  const first = () => eventually('an application', () => [...yarn.apps.values()][0]);

  it.each<[Name, object]>([
    ['spark', { application: 'a.jar' }],
    ['flink', { application: 'a.jar' }],
    ['mapreduce', { application: 'a.jar' }],
    ['yarn', { command: 'STAND_IN_TAG=$MILLRACE_ATTEMPT_ID yarn jar a.jar' }],
  ])('of %s bears the id of the attempt, and is known while it runs', async (name, settings) => {
    const attempt = run(name, settings);
    const { id, applicationTags } = await first();
    expect(applicationTags).toBe(attempt.offer.attemptId);
    await attempt.found(id);
    const trackingUrl = `${yarn.addresses[0]}/cluster/app/${id}`;
    expect(attempt.applications).toEqual([{ kind: 'yarn', id, cluster: 'hadoop', trackingUrl }]);
    end('SUCCEEDED');
    expect(await attempt.result).toEqual({ kind: 'succeeded', outputs: {} });
  });

  it('of a client that only submits is followed to its end', async () => {
    const command = 'flink run -d a.jar; echo rows=3 > "$MILLRACE_OUTPUT"';
    const attempt = run('flink', { command });
    await attempt.said('runs on and is followed');
    end('SUCCEEDED');
    expect(await attempt.result).toEqual({ kind: 'succeeded', outputs: { rows: '3' } });
  });

  it.each([
    ['fails', () => end('FAILED'), 'APPLICATION_FAILED', 'ended as failed'],
    ['is forgotten', () => yarn.apps.clear(), 'APPLICATION_UNKNOWN', 'does not know it any more'],
  ])('that is followed and %s fails the attempt', async (_, happen, code, words) => {
    const attempt = run('flink', { application: 'a.jar', deployMode: 'application' });
    await attempt.said('runs on and is followed');
    happen();
    expect(await attempt.result).toMatchObject({
      kind: 'failed',
      fault: { code, message: expect.stringContaining(words) },
    });
  });

  it('that is followed is followed no more when the attempt is cancelled', async () => {
    const attempt = run('flink', { application: 'a.jar', deployMode: 'application' });
    await attempt.said('runs on and is followed');
    attempt.running.cancel('graceful', 'stop');
    expect(await attempt.result).toEqual({ kind: 'cancelled' });
  });

  it('is waited for while its cluster is away', async () => {
    const attempt = run('flink', { application: 'a.jar', deployMode: 'application' });
    await attempt.said('runs on and is followed');
    yarn.active = undefined;
    await attempt.said('expected an answer of the cluster hadoop');
    yarn.active = 0;
    end('SUCCEEDED');
    expect(await attempt.result).toEqual({ kind: 'succeeded', outputs: {} });
  });

  it('whose client fails fails the attempt', async () => {
    const attempt = run('spark', { application: 'a.jar' });
    await first();
    end('FAILED');
    expect(await attempt.result).toMatchObject({ kind: 'failed', fault: { code: 'TASK_EXIT_NONZERO' } });
  });
});

it('the files of an attempt are for its user alone', async () => {
  const attempt = run('spark', { sql: 'SELECT 1', deployMode: 'client', program: 'true' });
  await attempt.result;
  expect(statSync(join(attempt.root, 'statements.sql')).mode & 0o777).toBe(0o600);
});
