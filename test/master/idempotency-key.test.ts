/** The key by which an outside system knows a repetition, over masters and workers in memory. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idempotencyKeyOf } from '../../actors/task-instance/idempotency-key.ts';
import { clearedOf } from '../../actors/task-instance/task-instance.changes.ts';
import { waitingTask } from '../../actors/task-instance/task-instance.state.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { nameOf } from '../actors/run-events.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
});
afterEach(() => cluster.stop());

async function submit(text: string): Promise<InstanceId> {
  const parsed = parseDefinition(text, 'test.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  await cluster.register(parsed.definition);
  return (await cluster.submit(parsed.definition.name)).instance;
}

describe('the idempotency key', () => {
  it('is the same in a repeated attempt, whose id is another one', async () => {
    const say = 'echo "key-$MILLRACE_ATTEMPT=$MILLRACE_IDEMPOTENCY_KEY" >> "$MILLRACE_SEEN"';
    const tell = 'cat "$MILLRACE_SEEN" >> "$MILLRACE_OUTPUT"; test "$MILLRACE_ATTEMPT" = 2';
    const instance = await submit(`
name: again
tasks:
  pay: { type: shell, retry: { attempts: 2, delay: 1ms }, command: 'export MILLRACE_SEEN=../../seen; ${say}; ${tell}' }
`);
    const { tasks } = await cluster.whenEnded(instance);
    const key = `${instance}.pay.1`;
    expect(tasks[0]).toMatchObject({ status: 'succeeded', outputs: { 'key-1': key, 'key-2': key } });
    const ids = cluster.eventsOf(instance).filter(({ type }) => type === 'TaskAssigned');
    expect(new Set(ids.map(({ data }) => (data as { attemptId: string }).attemptId)).size).toBe(2);
  });

  it('is another one for another task', async () => {
    const say = 'echo "key=$MILLRACE_IDEMPOTENCY_KEY" >> "$MILLRACE_OUTPUT"';
    const instance = await submit(`
name: both
tasks:
  a: { type: shell, command: '${say}' }
  b: { type: shell, command: '${say}' }
`);
    const { tasks } = await cluster.whenEnded(instance);
    expect(tasks.map(({ outputs }) => outputs?.key)).toEqual([`${instance}.a.1`, `${instance}.b.1`]);
  });

  it('is another one when the task was cleared, and the same when only something before it was', () => {
    const run = '00000000-0000-4000-8000-000000000001' as InstanceId;
    const task = nameOf('a');
    const before = waitingTask(task, 1).context;
    const keyAfter = (isChosen: boolean) =>
      idempotencyKeyOf(run, task, clearedOf(before, { type: 'Cleared', needCount: 1, isChosen }).round ?? -1);
    expect(keyAfter(true)).toBe(`${run}.a.2`);
    expect(keyAfter(false)).toBe(idempotencyKeyOf(run, task, before.round));
  });
});
