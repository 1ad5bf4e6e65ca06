/** `spark`, `flink`, `mapreduce`, `yarn` and `k8s` from their text to what is stored, and what is wrong with them. */
import { describe, expect, test } from 'vitest';
import { clusterFaults } from '../../src/clusters/cluster-faults.ts';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

const parsed = (task: object) => parseDefinition(JSON.stringify({ name: 'w', tasks: { a: task } }), 'w.json');

function definitionOf(task: object) {
  const result = parsed(task);
  if (result.kind === 'faults') throw new Error(JSON.stringify(result.faults));
  return result.definition;
}

const settingsOf = (task: object): unknown => definitionOf(task).tasks[0]?.settings;

const faultsOf = (task: object) => {
  const result = parsed(task);
  return result.kind === 'ok' ? [] : result.faults.map(({ code, path, message }) => `${code} ${path}: ${message}`);
};

const on = { cluster: 'hadoop' };
const none = { options: [], args: [], graceMs: 5_000 };

describe('is stored with its defaults', () => {
  test('spark', () => {
    const stored = { type: 'spark', ...on, ...none, conf: {}, master: 'yarn' };
    expect(settingsOf({ type: 'spark', ...on, application: 'a.jar' })).toEqual({
      ...stored,
      application: 'a.jar',
      deployMode: 'cluster',
    });
    expect(settingsOf({ type: 'spark', ...on, sql: 'SELECT 1' })).toMatchObject({ deployMode: 'client' });
    expect(settingsOf({ type: 'spark', ...on, command: 'run.sh' })).toMatchObject({ command: 'run.sh' });
  });

  test('flink, mapreduce and yarn', () => {
    const application = { application: 'a.jar' };
    const flink = { type: 'flink', ...on, ...application, ...none, conf: {}, deployMode: 'application' };
    expect(settingsOf({ type: 'flink', ...on, ...application })).toEqual(flink);
    expect(settingsOf({ type: 'flink', ...on, sql: 'SELECT 1' })).toMatchObject({ deployMode: 'perJob' });
    const mapreduce = { type: 'mapreduce', ...on, ...application, ...none, conf: {} };
    expect(settingsOf({ type: 'mapreduce', ...on, ...application })).toEqual(mapreduce);
    expect(settingsOf({ type: 'yarn', ...on, ...application })).toEqual({
      type: 'yarn',
      ...on,
      ...application,
      ...none,
    });
  });

  test('k8s', () => {
    const job = { type: 'k8s', cluster: 'pods', image: 'busybox', cpu: '500m' };
    expect(settingsOf(job)).toEqual({ ...job, args: [], labels: {}, nodeSelector: {} });
    expect(definitionOf({ ...job, onOrphaned: 'ask' }).tasks[0]?.onOrphaned).toEqual({ policy: 'ask' });
  });

  test('a shell or python task that names a cluster', () => {
    const named = { ...on, client: 'spark' };
    expect(settingsOf({ type: 'shell', command: 'a', ...named })).toMatchObject(named);
    expect(settingsOf({ type: 'python', script: 'a', ...on })).toMatchObject(on);
    expect(settingsOf({ type: 'shell', command: 'a' })).not.toHaveProperty('cluster');
  });

  test('and a stored one is taken as it is', () => {
    const { name, params, failurePolicy, tasks } = definitionOf({ type: 'spark', ...on, application: 'a.jar' });
    const checked = checkDefinition({ name, params, failurePolicy, tasks }, () => []);
    expect(checked).toMatchObject({ kind: 'ok' });
  });
});

describe('is refused', () => {
  test.each([
    ['without a cluster', { type: 'spark', application: 'a' }, 'tasks.a'],
    ['with nothing to run', { type: 'spark', ...on }, 'exactly one of "application", "sql", "command"'],
    ['with two things to run', { type: 'flink', ...on, application: 'a', sql: 'b' }, 'exactly one of'],
    ['SQL where there is none', { type: 'yarn', ...on, sql: 'b' }, 'tasks.a.sql'],
    [
      'a field beside a raw command',
      { type: 'spark', ...on, command: 'a', queue: 'q' },
      '"queue" is not used beside "command"',
    ],
    ['SQL in the cluster', { type: 'spark', ...on, sql: 'a', deployMode: 'cluster' }, 'the driver on the worker'],
    ['memory without a unit', { type: 'spark', ...on, application: 'a', driverMemory: '2' }, 'a number and a unit'],
    [
      'a deploy mode that is not',
      { type: 'flink', ...on, application: 'a', deployMode: 'session' },
      'tasks.a.deployMode',
    ],
    ['a Job without an image', { type: 'k8s', cluster: 'pods' }, 'tasks.a.image'],
    ['a quantity in words', { type: 'k8s', cluster: 'pods', image: 'a', memory: 'much' }, 'a quantity is a number'],
    ['a label with a space', { type: 'k8s', cluster: 'pods', image: 'a', labels: { 'a b': 'c' } }, 'a label is named'],
    ['a client without a cluster', { type: 'shell', command: 'a', client: 'spark' }, 'the task names none'],
    ['a slip in a field', { type: 'mapreduce', ...on, application: 'a', queu: 'q' }, 'queu'],
  ])('%s', (_, task, words) => {
    expect(faultsOf(task).join('\n')).toContain(words);
  });
});

describe('the clusters of a definition', () => {
  const clusters = { hadoop: { kind: 'yarn' }, pods: { kind: 'kubernetes' } } as const;
  const told = (task: object) => clusterFaults(definitionOf(task), clusters);

  test('are those of the configuration, or the nearest one is named', () => {
    expect(told({ type: 'spark', ...on, application: 'a' })).toEqual([]);
    const [fault] = told({ type: 'shell', command: 'a', cluster: 'hadop' });
    expect(fault).toMatchObject({ path: ['tasks', 0, 'settings', 'cluster'], remedy: 'Did you mean "hadoop"?' });
  });

  test('are of the kind that the task is for', () => {
    expect(told({ type: 'k8s', image: 'a', ...on })[0]?.message).toContain('of the kind kubernetes for a k8s task');
    const spark = { type: 'spark', application: 'a', cluster: 'pods' };
    expect(told(spark)[0]?.message).toContain('expected a cluster of the kind yarn for a spark task');
    expect(told({ ...spark, master: 'k8s://https://api' })).toEqual([]);
  });

  test('are looked up in the items of a map too', () => {
    const task = { type: 'spark', application: 'a', cluster: 'other' };
    const [fault] = told({ type: 'map', over: { x: [1] }, task });
    expect(fault?.path).toEqual(['tasks', 0, 'settings', 'task', 'settings', 'cluster']);
  });
});
