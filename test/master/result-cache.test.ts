// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** Tasks that take the result of an earlier run, over masters and workers in memory. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import type { RunReply } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { eventually } from '../kit/eventually.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { secrets: { token: 'hunter2' } });
});
afterEach(() => cluster.stop());

async function register(text: string): Promise<void> {
  const parsed = parseDefinition(text, 'test.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  await cluster.register(parsed.definition);
}

/** Resolves when the run has ended and the list shows it: what it kept is found from then on. */
async function run(workflow: string, body: object = {}): Promise<RunReply> {
  const { instance } = await cluster.submit(workflow, body);
  const reply = await cluster.whenEnded(instance);
  await eventually('the run is listed as ended', async () => {
    const { runs } = (await cluster.ask(subjects.query('runs'), {})) as { runs: RunReply['run'][] };
    return runs.find((listed) => listed.instance === instance && listed.finishedAt !== undefined);
  });
  return reply;
}

const typesOf = (instance: InstanceId) => cluster.eventsOf(instance).map(({ type }) => type);
const isHit = ({ run: { instance } }: RunReply) => typesOf(instance).includes('TaskCacheHit');
const attemptsOf = ({ tasks }: RunReply) => tasks.map(({ attempts }) => attempts);

const measure = (settings = '') => `
name: measured
params: { place: here }
tasks:
  before: { type: script, steps: [{ result: succeed, outputs: { size: 1 } }] }
  measure:
    type: shell
    needs: before
    cache: { ttl: 1h }
    command: 'echo "token=$MILLRACE_ATTEMPT_ID" >> "$MILLRACE_OUTPUT"'
${settings}`;

describe('a task with a cache', () => {
  it('takes the result of an earlier run with the same inputs, and says so', async () => {
    await register(measure());
    const first = await run('measured');
    const second = await run('measured');
    expect(isHit(second)).toBe(true);
    expect(second.run.status).toBe('succeeded');
    const [, measured] = second.tasks;
    expect(measured).toMatchObject({ outputs: first.tasks[1]?.outputs, attempts: 0 });
    expect(measured?.note).toContain(`has the result of measure in the run ${first.run.instance}`);
    const event = cluster.eventsOf(second.run.instance).find(({ type }) => type === 'TaskCacheHit');
    const { attemptId, finishedAt } = first.tasks[1] ?? {};
    expect(event?.data).toMatchObject({
      source: { instance: first.run.instance, task: 'measure', attemptId, finishedAt },
    });
  });

  it('runs when a parameter, an upstream output or its settings are others', async () => {
    await register(measure());
    await run('measured');
    expect(isHit(await run('measured'))).toBe(true);
    expect(isHit(await run('measured', { params: { place: 'there' } }))).toBe(false);
    await register(measure().replace('size: 1', 'size: 2'));
    expect(isHit(await run('measured'))).toBe(false);
    await register(measure('    env: { UNIT: m }\n'));
    expect(isHit(await run('measured'))).toBe(false);
  });

  it('still takes it in a new version that leaves it alone', async () => {
    await register(measure());
    const first = await run('measured');
    await run('measured');
    await register(`${measure()}  after: { type: script, needs: measure }\n`);
    const moved = await run('measured');
    expect(moved.run.version).toBe(2);
    expect(moved.tasks[1]?.outputs).toEqual(first.tasks[1]?.outputs);
    expect(attemptsOf(moved)).toEqual([1, 0, 1]);
  });

  it('runs again when the result is too old', async () => {
    await register(measure().replace('ttl: 1h', 'ttl: 1ms'));
    await run('measured');
    const second = await run('measured');
    expect(isHit(second)).toBe(false);
    expect(attemptsOf(second)).toEqual([1, 1]);
  });

  it('leaves nothing to take when it failed', async () => {
    await register(measure().replace('echo', 'exit 1; echo'));
    expect(typesOf((await run('measured')).run.instance)).not.toContain('ResultKept');
    expect(attemptsOf(await run('measured'))).toEqual([1, 1]);
  });

  it('takes it from another master, after the one that made it is gone', async () => {
    await register(measure());
    const first = await run('measured');
    await cluster.startMaster('m2');
    await cluster.stopMaster('m1');
    const second = await run('measured');
    expect(second.owner?.master).toBe('m2');
    expect(isHit(second)).toBe(true);
    expect(second.tasks[1]?.outputs).toEqual(first.tasks[1]?.outputs);
  });

  it('needs no worker to take it', async () => {
    await register('{ name: alone, tasks: { only: { type: script, cache: { ttl: 1h } } } }');
    await run('alone');
    cluster.kill('w1');
    const second = await run('alone');
    expect(second.run.status).toBe('succeeded');
    expect(attemptsOf(second)).toEqual([0]);
  });
});

describe('what the worker fills in', () => {
  const timed = (text: string) => `
name: timed
tasks:
  step: { type: shell, cache: { ttl: 1h }, env: { DAY: '${text}' }, command: 'true' }
`;
  const at = (time: string) => ({ logicalAt: Date.parse(time) });

  it('counts as it is filled in: the same day is the same', async () => {
    await register(timed('$[yyyyMMdd]'));
    await run('timed', at('2024-02-29T08:00:00Z'));
    expect(isHit(await run('timed', at('2024-02-29T09:00:00Z')))).toBe(true);
    expect(isHit(await run('timed', at('2024-03-01T08:00:00Z')))).toBe(false);
  });

  it('makes the result that of the run alone when it is about the run', async () => {
    await register(timed('${system.workflow.instance.id}'));
    await run('timed');
    const kept = cluster.eventsOf((await run('timed')).run.instance).find(({ type }) => type === 'ResultKept');
    const other = cluster.eventsOf((await run('timed')).run.instance).find(({ type }) => type === 'ResultKept');
    const keyOf = (event: typeof kept) => (event?.data as { cacheKey: string } | undefined)?.cacheKey;
    expect(keyOf(kept)).toMatch(/^[0-9a-f]{64}$/);
    expect(keyOf(kept)).not.toBe(keyOf(other));
  });

  it('is not needed of a secret: its name stands for it', async () => {
    await register(`
name: secret
params: { token: { secret: token } }
tasks:
  step: { type: shell, cache: { ttl: 1h }, env: { T: '\${token}' }, command: 'echo "length=\${#T}" >> "$MILLRACE_OUTPUT"' }
`);
    const first = await run('secret');
    expect(first.tasks[0]?.outputs).toEqual({ length: '7' });
    const second = await run('secret');
    expect(second.tasks[0]?.outputs).toEqual({ length: '7' });
    expect(JSON.stringify([first, second].map((one) => cluster.eventsOf(one.run.instance)))).not.toContain('hunter2');
  });
});
