/** Child runs over the memory twins: what goes in and out, how they end, and what is passed on to them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import { childTask, lasting, scripted } from '../kit/waiting-tasks.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
});

afterEach(() => cluster.stop());

const named = (
  name: string,
  tasks: Parameters<typeof workflowOf>[0],
  more: Partial<WorkflowDefinition> = {},
): WorkflowDefinition => ({ ...workflowOf(tasks, { name: name as WorkflowName }), ...more });

const childOf = (parent: InstanceId): InstanceId | undefined => childrenOf(parent).at(-1);

function childrenOf(parent: InstanceId): InstanceId[] {
  const awaited = cluster.eventsOf(parent).filter(({ type }) => type === 'TaskAwaits');
  return awaited.map(({ data }) => (data as { awaits: { child: InstanceId } }).awaits.child);
}

const faultOf = (parent: InstanceId) => {
  const ends = cluster.eventsOf(parent).filter(({ type }) => type === 'TaskConcluded');
  return (ends.at(-1)?.data as { fault?: { code: string; message: string } }).fault;
};

const steer = (type: string, instance: InstanceId) =>
  cluster.ask(subjects.command, { type, instance, by: 'tester', key: `${type}-1` });

async function whenChildRuns(parent: InstanceId): Promise<InstanceId> {
  await expect.poll(() => childOf(parent)).toBeDefined();
  const child = childOf(parent) as InstanceId;
  await expect
    .poll(async () => (await cluster.show(child).catch(() => undefined))?.tasks[0]?.status, { timeout: 5_000 })
    .toBe('running');
  return child;
}

describe('a child run', () => {
  test('gets parameters, and gives its last outputs to the task', async () => {
    await cluster.register(
      named('child', [scripted('work', [], { outputs: { rows: 3 } }), scripted('check', ['work'], {})], {
        params: { day: null, size: 1 },
        tasks: [scripted('work', [], {}), scripted('check', ['work'], { outputs: { rows: 3, ok: true } })],
      }),
    );
    await cluster.register(
      named(
        'parent',
        [
          scripted('first', [], { outputs: { size: 7 } }),
          childTask('sub', 'child', {
            needs: ['first'],
            params: { day: '${day}', size: '${tasks.first.outputs.size}' },
          }),
          scripted('last', ['sub'], {}),
        ],
        { params: { day: 'monday' } },
      ),
    );
    const { instance } = await cluster.submit('parent');
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks.find(({ task }) => task === 'sub')?.outputs).toEqual({ rows: 3, ok: true });
    const child = await cluster.show(childOf(instance) as InstanceId);
    expect(child.params).toEqual({ day: 'monday', size: 7 });
    expect(cluster.eventsOf(child.run.instance)[0]?.data).toMatchObject({
      parent: { instance, task: 'sub', depth: 1 },
      logicalAt: ended.run.submittedAt,
    });
  });
});
