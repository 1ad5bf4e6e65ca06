/** The causes of an event over the borders of runs: parent, child and back, to the message of the caller. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { clientSource } from '../../src/cli/run-histories.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { causesAcrossRuns } from '../../src/replay/causes-across-runs.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { runFileLines } from '../../src/replay/run-file.ts';
import { loadHistory, type RunHistory } from '../../src/replay/run-history.ts';
import { createCommandLine } from '../cli/command-line.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
});
afterEach(() => cluster.stop());

async function register(text: string): Promise<void> {
  const parsed = parseDefinition(text, 'test.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  await cluster.register(parsed.definition);
}

function load(instance: InstanceId): Promise<RunHistory> {
  const source = clientSource({
    events: async (query) => (await cluster.ask(subjects.query('events'), query)) as never,
    definition: async (name, version) => (await cluster.ask(subjects.query('definition'), { name, version })) as never,
  });
  return loadHistory(source, instance);
}

/** parent: before -> child (a run of `inner`, whose task fails) */
async function failedParent(): Promise<{ parent: RunHistory; child: RunHistory }> {
  await register('name: inner\ntasks:\n  breaks: { type: script, steps: [{ result: fail, message: no disk }] }');
  await register(
    'name: outer\ntasks:\n  before: { type: script }\n  inner: { type: workflow, needs: before, workflow: inner }',
  );
  const { instance } = await cluster.submit('outer', { key: 'night' });
  const { tasks } = await cluster.whenEnded(instance);
  const child = tasks.find(({ task }) => task === 'inner')?.child;
  if (child === undefined) throw new Error('no child run');
  return { parent: await load(instance), child: await load(child) };
}

it('leads from the end of the parent through the child, and back to who asked', async () => {
  const { parent, child } = await failedParent();
  const run = new ReplayedRun(parent);
  const trail = await causesAcrossRuns(
    run,
    run.lastRevision,
    async (instance) => new ReplayedRun(await load(instance)),
  );
  const told = trail.map(({ workflow, type, task }) => `${workflow} ${type} ${task ?? ''}`.trim());
  expect(told.slice(0, 3)).toEqual(['outer WorkflowFailed', 'outer TaskConcluded inner', 'inner WorkflowFailed']);
  expect(told).toContain('inner TaskFailed breaks');
  expect(told.indexOf('inner WorkflowSubmitted')).toBeLessThan(told.indexOf('outer TaskAwaits inner'));
  expect(told.at(-1)).toBe('outer WorkflowSubmitted');
  expect(trail.find(({ type }) => type === 'TaskConcluded')?.because).toBe(
    `its child run ${child.instance} of inner was failed`,
  );
  expect(trail.find(({ workflow, type }) => workflow === 'inner' && type === 'WorkflowSubmitted')?.because).toBe(
    `the task inner of the run ${parent.instance} of outer started it`,
  );
  expect(trail.at(-1)?.because).toContain('the caller asked for it, with the key night');
});

it('is told from files, where the other run lies beside, and ends at the border where it does not', async () => {
  const { parent, child } = await failedParent();
  const box = createCommandLine({ withMaster: false, env: { MILLRACE_NATS_SERVERS: 'nats://nowhere:1' } });
  box.writeFile('outer.jsonl', [...runFileLines(parent)].join(''));
  expect(await box.run('replay', 'outer.jsonl', '--causes'), box.stderr()).toBe(0);
  expect(box.stdout()).not.toContain('in the run');
  box.writeFile('inner.jsonl', [...runFileLines(child)].join(''));
  expect(await box.run('replay', 'outer.jsonl', '--causes'), box.stderr()).toBe(0);
  expect(box.stdout()).toContain(`in the run ${child.instance} of inner:`);
  expect(box.stdout()).toContain('breaks: no disk');
  expect(box.stdout()).toContain(`in the run ${parent.instance} of outer:`);
  expect(await box.run('replay', 'inner.jsonl', '--causes', '--json'), box.stderr()).toBe(0);
});
