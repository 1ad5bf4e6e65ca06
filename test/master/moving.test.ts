/** A paused run that goes on by another version, over masters and workers in memory. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { createJournalCertifier } from '../../src/certify/journal-certifier.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { eventually } from '../kit/eventually.ts';
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

const command = (instance: InstanceId, type: string, more: object = {}) =>
  cluster.ask(subjects.command, { type, instance, by: 'ann', ...more });
const version = (step: string) => `
name: moving
tasks:
  slow: { type: script, steps: [{ result: succeed, after: 100ms, outputs: { rows: 3 } }] }
  ${step}: { type: script, needs: slow, steps: [{ result: succeed, outputs: { by: ${step} } }] }
`;

/** The first task has succeeded, nothing else has begun. */
async function pausedRun(): Promise<InstanceId> {
  await register(version('load'));
  const { instance } = await cluster.submit('moving');
  await command(instance, 'pause');
  await eventually('the run is paused', async () => {
    const { run } = await cluster.show(instance);
    return run.status === 'paused' ? run : undefined;
  });
  await register(version('store'));
  return instance;
}

const namesOf = ({ tasks }: Awaited<ReturnType<MemoryCluster['show']>>) =>
  tasks.map(({ task, status }) => [task, status]);

describe('a paused run', () => {
  it('goes on by the version that it is moved to, and its certificate holds', async () => {
    const instance = await pausedRun();
    expect(await command(instance, 'moveVersion', { version: 2 })).toMatchObject({ changed: true, status: 'paused' });
    expect(namesOf(await cluster.show(instance))).toEqual([
      ['slow', 'succeeded'],
      ['store', 'ready'],
    ]);
    await command(instance, 'resume');
    const ended = await cluster.whenEnded(instance);
    expect(ended.run).toMatchObject({ status: 'succeeded', version: 2 });
    expect(ended.tasks[1]?.outputs).toEqual({ by: 'store' });
    const certificate = await createJournalCertifier(cluster.store.connect()).certify(instance);
    expect(certificate.invariants.flatMap(({ broken }) => broken)).toEqual([]);
    await eventually('the list shows the version', async () => {
      const { runs } = (await cluster.ask(subjects.query('runs'), {})) as { runs: { version: number }[] };
      return runs[0]?.version === 2 ? runs : undefined;
    });
  });

  it('is the same for a master that takes it over after that, and at every moment before', async () => {
    const instance = await pausedRun();
    await command(instance, 'moveVersion', { version: 2 });
    await cluster.startMaster('m2');
    await cluster.stopMaster('m1');
    await command(instance, 'resume');
    const ended = await cluster.whenEnded(instance);
    expect(ended.owner?.master).toBe('m2');
    expect(namesOf(ended)).toEqual([
      ['slow', 'succeeded'],
      ['store', 'succeeded'],
    ]);
    const why = (task: string, at?: number) => cluster.ask(subjects.query('why'), { instance, task, at });
    expect(await why('store')).toMatchObject({ status: 'succeeded' });
    expect(await why('load', 2)).toMatchObject({ task: 'load', status: 'waiting' });
    expect(await why('load')).toMatchObject({ code: 'ATTEMPT_NOT_FOUND' });
  });

  it('stays as it is when it is only asked whether it may be moved', async () => {
    const instance = await pausedRun();
    expect(await command(instance, 'moveVersion', { version: 2, check: true })).toMatchObject({ changed: false });
    expect((await cluster.show(instance)).run.version).toBe(1);
  });

  it('is not moved where its finished part does not allow it, nor to a version that is not there', async () => {
    const instance = await pausedRun();
    await register(version('store').replace('rows: 3', 'rows: 4'));
    for (const check of [true, false]) {
      expect(await command(instance, 'moveVersion', { version: 3, check })).toMatchObject({
        code: 'COMMAND_NOT_ALLOWED',
        message: expect.stringContaining('slow is succeeded and differs there in settings'),
      });
    }
    expect(await command(instance, 'moveVersion', { version: 9 })).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });
});
