// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** Parameters from a submission to a command and back, over masters and workers in memory. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { secrets: { 'db-password': 'hunter2"$x' } });
});
afterEach(() => cluster.stop());

async function register(text: string): Promise<void> {
  const parsed = parseDefinition(text, 'test.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  await cluster.register(parsed.definition);
}

async function outputsOf(instance: InstanceId): Promise<Record<string, unknown>> {
  const { tasks } = await cluster.whenEnded(instance);
  return Object.fromEntries(tasks.map(({ task, outputs, note }) => [task, outputs ?? note]));
}

const say = 'for v in a b c d; do eval "echo \\"$v=\\$MILLRACE_PARAM_$v\\" >> \\"\\$MILLRACE_OUTPUT\\""; done';

describe('parameters', () => {
  it('have the value of the highest layer that gives one', async () => {
    await register(`
name: layers
params: { a: default, b: default, c: default, d: default }
tasks:
  up: { type: script, steps: [{ result: succeed, outputs: { b: output, c: output, d: output } }] }
  down: { type: shell, needs: up, params: { c: local, d: local }, command: '${say}' }
  plain: { type: shell, command: '${say}' }
`);
    const { instance } = await cluster.submit('layers', { params: { d: 'start' } });
    const outputs = await outputsOf(instance);
    expect(outputs.down).toEqual({ a: 'default', b: 'output', c: 'local', d: 'start' });
    expect(outputs.plain).toEqual({ a: 'default', b: 'default', c: 'default', d: 'start' });
  });

  it('of several upstreams come from the one that finished first', async () => {
    await register(`
name: several
tasks:
  slow: { type: script, steps: [{ result: succeed, after: 150ms, outputs: { a: slow, b: slow } }] }
  quick: { type: script, steps: [{ result: succeed, outputs: { a: quick, b: '' } }] }
  down: { type: shell, needs: [slow, quick], command: '${say}' }
`);
    const { instance } = await cluster.submit('several');
    expect((await outputsOf(instance)).down).toEqual({ a: 'quick', b: 'slow', c: '', d: '' });
  });

  it('know the logical time in the zone of the workflow', async () => {
    await register(`
name: timed
timeZone: Asia/Shanghai
params: { a: '$[yyyyMMdd-1]', b: '\${a}/\${system.datetime}', c: '$[month_last_day(yyyy-MM-dd,-1)]' }
tasks:
  step: { type: shell, env: { D: '$[HH:mm]' }, command: '${say}; echo "d=$D" >> "$MILLRACE_OUTPUT"' }
`);
    const { instance } = await cluster.submit('timed', { logicalAt: Date.parse('2024-02-29T18:30:00Z') });
    expect((await outputsOf(instance)).step).toEqual({
      a: '20240229',
      b: '20240229/20240301023000',
      c: '2024-02-29',
      d: '02:30',
    });
  });

  it('that lead to nothing fail only the task that uses them', async () => {
    await register(`
name: partly
params: { a: '\${version}', b: '\${a}!' }
tasks:
  build: { type: script, steps: [{ result: succeed, outputs: { version: '1.4' } }] }
  used: { type: shell, needs: build, command: '${say}' }
  unused: { type: shell, command: 'true' }
  fails: { type: shell, env: { X: '\${b}' }, command: 'true' }
`);
    const { instance } = await cluster.submit('partly');
    const outputs = await outputsOf(instance);
    expect(outputs.used).toMatchObject({ a: '1.4', b: '1.4!' });
    expect(outputs.fails).toContain('found nothing of: version');
  });

  it('of a submission that go in a circle are refused', async () => {
    await register(`{ name: circle, params: { a: x, b: '\${a}' }, tasks: { step: { type: script } } }`);
    const reply = await cluster.ask(subjects.submit('circle' as WorkflowName), { params: { a: '${b}' } });
    expect(reply).toMatchObject({ code: 'PARAM_CIRCULAR', message: expect.stringContaining('a -> b -> a') });
  });
});

describe('the example', () => {
  it('does what its README says', async () => {
    await register(readFileSync(new URL('../../examples/parameters/workflow.yaml', import.meta.url), 'utf8'));
    const first = await cluster.submit('parameters', { logicalAt: Date.parse('2024-03-01T06:00:00+01:00') });
    const outputs = await outputsOf(first.instance);
    const subject = 'Report of 2024-02-29: 42 rows of printed';
    expect(outputs.report).toEqual({ subject, region: '2024-02-29-42', month: '20240201' });
    expect(outputs.quoted).toEqual({ title: 'Report of 2024-02-29' });
    const second = await cluster.submit('parameters', { params: { title: 'a "b" $(c)' } });
    expect((await outputsOf(second.instance)).quoted).toEqual({ title: 'a "b" $(c)' });
  });
});

describe('a secret', () => {
  it('reaches the command, and is in no event, log or view', async () => {
    await register(`
name: secretive
params: { token: { secret: db-password }, header: 'Bearer \${token}' }
tasks:
  step:
    type: shell
    command: |
      [ "$MILLRACE_PARAM_token" = 'hunter2"$x' ] || exit 9
      echo "it is $token and $header"
      printf 'a=%s\\n' "$header" >> "$MILLRACE_OUTPUT"
  fails: { type: shell, needs: step, command: 'echo "not $token"; exit 3' }
`);
    const { instance } = await cluster.submit('secretive');
    const outputs = await outputsOf(instance);
    expect(outputs.step).toEqual({ a: 'Bearer ***' });
    expect(outputs.fails).toContain('not ***');
    const log = await cluster.ask(subjects.query('logs'), { instance, task: 'step' });
    expect(log).toMatchObject({ text: 'it is *** and Bearer ***\n' });
    expect(JSON.stringify(cluster.eventsOf(instance))).not.toContain('hunter2');
    expect(JSON.stringify(await cluster.show(instance))).not.toContain('hunter2');
  });

  it('that no worker has fails the task with its code', async () => {
    await register(`
name: unknown
tasks:
  step: { type: shell, params: { token: { secret: other } }, command: 'true' }
`);
    const { instance } = await cluster.submit('unknown');
    await cluster.whenEnded(instance);
    const failed = cluster.eventsOf(instance).find(({ type }) => type === 'TaskFailed');
    expect(failed?.data).toMatchObject({
      fault: { code: 'SECRET_UNKNOWN', message: expect.stringContaining('other') },
    });
  });
});
