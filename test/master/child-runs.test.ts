/** Child runs over the memory twins: what goes in and out, how they end, and what is passed on to them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { createJournalCertifier } from '../../src/certify/journal-certifier.ts';
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

const dataOf = (instance: InstanceId, type: string): object[] =>
  cluster
    .eventsOf(instance)
    .filter((event) => event.type === type)
    .map(({ data }) => data as object);

const faultOf = (parent: InstanceId) =>
  (dataOf(parent, 'TaskConcluded').at(-1) as { fault?: { code: string; message: string } } | undefined)?.fault;

/** As a user would: again, until it was taken. */
async function steer(type: string, instance: InstanceId): Promise<void> {
  const command = { type, instance, by: 'tester', key: `${type}-1` };
  await expect.poll(() => cluster.ask(subjects.command, command)).toHaveProperty('revision');
}

async function whenChildRuns(parent: InstanceId): Promise<InstanceId> {
  await expect.poll(() => childOf(parent)).toBeDefined();
  const child = childOf(parent) as InstanceId;
  await expect.poll(async () => (await cluster.show(child).catch(() => undefined))?.tasks[0]?.status).toBe('running');
  return child;
}

/** `${text}` in a definition. */
const put = (text: string) => `\${${text}}`;

async function registerBoth(child: WorkflowDefinition, parent: WorkflowDefinition): Promise<void> {
  await cluster.register(child);
  await cluster.register(parent);
}

const statusOf = async (instance: InstanceId) => (await cluster.show(instance)).run.status;

describe('a child run', () => {
  test('gets parameters, and gives its last outputs to the task', async () => {
    await registerBoth(
      named('child', [scripted('work', [], {}), scripted('check', ['work'], { outputs: { rows: 3, ok: true } })], {
        params: { day: null, size: 1, date: '' },
      }),
      named(
        'parent',
        [
          scripted('first', [], { outputs: { size: 7 } }),
          childTask('sub', 'child', {
            needs: ['first'],
            params: { day: put('day'), size: put('tasks.first.outputs.size + 1'), date: '$[yyyy]-x' },
          }),
          scripted('last', ['sub'], {}),
        ],
        { params: { day: 'monday' } },
      ),
    );
    const logicalAt = Date.parse('2026-03-18T10:30:00Z');
    const { instance } = await cluster.submit('parent', { logicalAt });
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('succeeded');
    expect(ended.tasks.find(({ task }) => task === 'sub')?.outputs).toEqual({ rows: 3, ok: true });
    const child = await cluster.show(childOf(instance) as InstanceId);
    expect(child.params).toEqual({ day: 'monday', size: 8, date: '2026-x' });
    const parent = { instance, task: 'sub', depth: 1 };
    expect(child.run).toMatchObject({ parent, logicalAt });
    expect(ended.tasks.find(({ task }) => task === 'sub')?.child).toBe(child.run.instance);
    expect(cluster.eventsOf(child.run.instance)[0]?.data).toMatchObject({ parent, logicalAt });
  });

  test('is named in the certificate of its parent, and names it in its own', async () => {
    await registerBoth(named('child', [scripted('work', [], {})]), named('parent', [childTask('sub', 'child')]));
    const { instance } = await cluster.submit('parent');
    await cluster.whenEnded(instance);
    const child = childOf(instance) as InstanceId;
    const certifier = createJournalCertifier(cluster.store.connect());
    const ofParent = await certifier.certify(instance);
    expect(ofParent).toMatchObject({ holds: true, children: [{ task: 'sub', child, workflow: 'child' }] });
    expect(await certifier.certify(child)).toMatchObject({ holds: true, parent: { instance, task: 'sub', depth: 1 } });
  });

  test('gives the outputs that its definition declares', async () => {
    await registerBoth(
      named('child', [scripted('work', [], { outputs: { rows: 3 } }), scripted('check', ['work'], {})], {
        params: { day: 'monday' },
        outputs: { total: put('tasks.work.outputs.rows * 2'), text: `of ${put('day')}` },
      }),
      named('parent', [childTask('sub', 'child')]),
    );
    const { instance } = await cluster.submit('parent');
    const { tasks } = await cluster.whenEnded(instance);
    expect(tasks[0]?.outputs).toEqual({ total: 6, text: 'of monday' });
    const child = await cluster.show(childOf(instance) as InstanceId);
    expect(child.outputs).toEqual({ total: 6, text: 'of monday' });
  });

  test('that fails is named in the fault of the task; another attempt is another child', async () => {
    await registerBoth(
      named('child', [scripted('work', [], { result: 'fail' })]),
      named('parent', [childTask('sub', 'child', { attempts: 2 })]),
    );
    const { instance } = await cluster.submit('parent');
    const ended = await cluster.whenEnded(instance);
    expect(ended.run.status).toBe('failed');
    const children = childrenOf(instance);
    expect(new Set(children).size).toBe(2);
    const message = `the child run ${children[1]} of child failed in work`;
    expect(faultOf(instance)).toEqual({ code: 'CHILD_FAILED', message });
    for (const child of children) expect(await statusOf(child)).toBe('failed');
  });

  test('that cannot be started fails the task with the reason', async () => {
    await cluster.register(named('child', [scripted('work', [], {})], { params: { day: null } }));
    const faultFor = async (task: ReturnType<typeof childTask>) => {
      await cluster.register(named('parent', [task]));
      const { instance } = await cluster.submit('parent');
      expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
      return faultOf(instance);
    };
    expect(await faultFor(childTask('sub', 'nowhere'))).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    expect(await faultFor(childTask('sub', 'child', { version: 9, params: { day: 'x' } }))).toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
    });
    expect(await faultFor(childTask('sub', 'child'))).toMatchObject({ code: 'PARAM_MISSING' });
    const wrong = { params: { day: put('tasks.nobody.outputs.x') } };
    expect(await faultFor(childTask('sub', 'child', wrong))).toMatchObject({ code: 'EXPRESSION_FAILED' });
  });

  test('of itself ends at the greatest depth', async () => {
    await cluster.register(named('parent', [childTask('sub', 'parent')]));
    const { instance } = await cluster.submit('parent');
    expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
    const depths: number[] = [];
    for (let run: InstanceId | undefined = instance; run !== undefined; run = childOf(run)) {
      const submitted = cluster.eventsOf(run)[0]?.data as { parent?: { depth: number } } | undefined;
      if (submitted === undefined) break;
      depths.push(submitted.parent?.depth ?? 0);
    }
    expect(depths).toEqual(Array.from({ length: 17 }, (_, depth) => depth));
  });

  test('is stopped with its parent, which ends after it', async () => {
    await registerBoth(named('child', [lasting('work', 60_000)]), named('parent', [childTask('sub', 'child')]));
    const { instance } = await cluster.submit('parent');
    const child = await whenChildRuns(instance);
    await steer('stop', instance);
    expect((await cluster.whenEnded(instance)).run.status).toBe('stopped');
    const ended = await cluster.show(child);
    expect(ended.run.status).toBe('stopped');
    expect(dataOf(child, 'WorkflowStopRequested')).toMatchObject([{ by: `run ${instance}` }]);
  });

  test('is paused and resumed with its parent', async () => {
    await registerBoth(
      named('child', [lasting('work', 300), scripted('next', ['work'], {})]),
      named('parent', [childTask('sub', 'child')]),
    );
    const { instance } = await cluster.submit('parent');
    const child = await whenChildRuns(instance);
    await steer('pause', instance);
    await expect.poll(() => statusOf(child)).toBe('paused');
    expect(await statusOf(instance)).toBe('paused');
    expect((await cluster.show(child)).tasks.map(({ status }) => status)).toEqual(['succeeded', 'ready']);
    await steer('resume', instance);
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    expect(await statusOf(child)).toBe('succeeded');
  });

  test('that somebody else stops fails the task', async () => {
    await registerBoth(named('child', [lasting('work', 60_000)]), named('parent', [childTask('sub', 'child')]));
    const { instance } = await cluster.submit('parent');
    await steer('stop', await whenChildRuns(instance));
    expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
    expect(faultOf(instance)).toMatchObject({ code: 'CHILD_STOPPED' });
  });

  test('is stopped when its task takes too long', async () => {
    const task = { ...childTask('sub', 'child'), timeoutMs: 300 };
    await registerBoth(named('child', [lasting('work', 60_000)]), named('parent', [task]));
    const { instance } = await cluster.submit('parent');
    expect((await cluster.whenEnded(instance)).run.status).toBe('failed');
    expect(faultOf(instance)).toMatchObject({ code: 'TASK_TIMED_OUT' });
    expect(await statusOf(childOf(instance) as InstanceId)).toBe('stopped');
  });
});

describe('when masters die', () => {
  const ownerOf = (instance: InstanceId) =>
    (dataOf(instance, 'OwnershipTaken').at(-1) as { master: string } | undefined)?.master;
  const runStreams = () => cluster.store.streamNames().filter((name) => name.startsWith('workflowInstance-'));
  const submitMany = async (count: number) => {
    const receipts = await Promise.all(Array.from({ length: count }, () => cluster.submit('parent')));
    return receipts.map(({ instance }) => instance);
  };
  const expectOneChildEach = async (parents: readonly InstanceId[], status: string) => {
    for (const instance of parents) expect((await cluster.whenEnded(instance)).run.status).toBe(status);
    const children = parents.flatMap((parent) => childrenOf(parent));
    expect(children).toHaveLength(parents.length);
    expect(runStreams()).toHaveLength(2 * parents.length);
    for (const instance of parents) expect((await cluster.show(instance)).tasks[0]?.attempts).toBe(1);
  };

  test('parents and children go on, whoever of them lost its owner', async () => {
    for (const id of ['m2', 'm3']) await cluster.startMaster(id);
    await cluster.whenKnown(3);
    await cluster.startWorker('w2', { slots: 60 });
    await registerBoth(
      named('child', [lasting('work', 4_000), scripted('out', ['work'], { outputs: { rows: 1 } })]),
      named('parent', [childTask('sub', 'child')]),
    );
    const parents = await submitMany(40);
    for (const parent of parents) await whenChildRuns(parent);
    const pairs = parents.map((parent) => [parent, childOf(parent) as InstanceId] as const);
    // A child begins at the owner of its parent; when that one dies, others take the two apart.
    cluster.kill('m1');
    const owners = () => pairs.flat().map(ownerOf);
    await expect.poll(() => owners().includes('m1')).toBe(false);
    expect(pairs.some(([parent, child]) => ownerOf(parent) !== ownerOf(child))).toBe(true);
    cluster.kill('m2');
    await expectOneChildEach(parents, 'succeeded');
    for (const parent of parents) expect((await cluster.show(parent)).tasks[0]?.outputs).toEqual({ rows: 1 });
  });

  test('at any moment, each attempt has one child, and every parent ends', async () => {
    await registerBoth(named('child', [lasting('work', 20)]), named('parent', [childTask('sub', 'child')]));
    const parents: InstanceId[] = [];
    for (let round = 1; round <= 6; round += 1) {
      await cluster.startMaster(`m${round + 1}`);
      await cluster.whenKnown(2);
      parents.push(...(await submitMany(4)));
      await new Promise((resolve) => setTimeout(resolve, round * 8));
      cluster.kill(`m${round}`);
    }
    await expectOneChildEach(parents, 'succeeded');
  });

  test('a pause and a resume that were not passed on yet reach the child', async () => {
    await registerBoth(
      named('child', [lasting('work', 4_000), scripted('next', ['work'], {})]),
      named('parent', [childTask('sub', 'child')]),
    );
    const parents = await submitMany(6);
    for (const parent of parents) await whenChildRuns(parent);
    await cluster.startMaster('m2');
    await cluster.whenKnown(2);
    await Promise.all(parents.map((parent) => steer('pause', parent)));
    cluster.kill('m1');
    for (const parent of parents) {
      await expect.poll(() => statusOf(childOf(parent) as InstanceId)).toBe('paused');
    }
    await cluster.startMaster('m3');
    await cluster.whenKnown(2);
    await Promise.all(parents.map((parent) => steer('resume', parent)));
    cluster.kill('m2');
    await expectOneChildEach(parents, 'succeeded');
  });

  test('opened again goes on by itself; its parent keeps what it had, until the task is cleared', async () => {
    await registerBoth(
      named('child', [scripted('work', [], { result: 'fail' }, {})]),
      named('parent', [childTask('sub', 'child')]),
    );
    const { instance } = await cluster.submit('parent');
    const before = await cluster.whenEnded(instance);
    expect(before.run.status).toBe('failed');
    const child = childOf(instance) as InstanceId;
    await cluster.ask(subjects.command, { type: 'clearTasks', scope: 'failed', instance: child });
    expect((await cluster.whenEnded(child)).run.status).toBe('succeeded');
    expect(await cluster.show(instance)).toEqual(before);
    await cluster.ask(subjects.command, { type: 'clearTasks', scope: 'failed', instance });
    await cluster.whenEnded(instance);
    expect(childrenOf(instance)).toHaveLength(2);
    expect(childOf(instance)).not.toBe(child);
  });

  test('a stop that was not passed on yet reaches the child', async () => {
    await registerBoth(named('child', [lasting('work', 60_000)]), named('parent', [childTask('sub', 'child')]));
    const parents = await submitMany(4);
    for (const parent of parents) await whenChildRuns(parent);
    await cluster.startMaster('m2');
    await cluster.whenKnown(2);
    await Promise.all(parents.map((parent) => steer('stop', parent)));
    cluster.kill('m1');
    await expectOneChildEach(parents, 'stopped');
    for (const parent of parents) expect(await statusOf(childOf(parent) as InstanceId)).toBe('stopped');
  });
});
