import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { formatFaults } from '../../src/definitions/format-faults.ts';
import { loadDefinitionFile } from '../../src/definitions/load-definition-file.ts';
import { runTask } from './task-runner.ts';

const examples = new URL('../../examples/', import.meta.url).pathname;
const names = (await readdir(examples, { withFileTypes: true })).filter((it) => it.isDirectory()).map((it) => it.name);

async function loadExample(name: string): Promise<WorkflowDefinition> {
  const loaded = await loadDefinitionFile(join(examples, name, 'workflow.yaml'));
  if (loaded.kind === 'faults') throw new Error(formatFaults(loaded.faults, loaded.text));
  return loaded.definition;
}

test.each(names)('the example %s has no faults, is named after its folder, and has a README', async (name) => {
  expect((await loadExample(name)).name).toBe(name);
  expect(await readdir(join(examples, name))).toContain('README.md');
});

describe('retry-timeout-failure', () => {
  let folder: string;
  let definition: WorkflowDefinition;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-examples-'));
    definition = await loadExample('retry-timeout-failure');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const attemptOf = (name: string, attempt: number) => {
    const task = definition.tasks.find((it) => it.name === name);
    if (task === undefined) throw new Error(`no task ${name}`);
    return runTask(task, { params: {}, needs: {}, folder: join(folder, `${name}-${attempt}`), attempt });
  };

  test('flaky fails twice and succeeds at its third attempt, of which it has enough', async () => {
    const attempts = [await attemptOf('flaky', 1), await attemptOf('flaky', 2), await attemptOf('flaky', 3)];
    expect(attempts.map(({ exitCode }) => exitCode)).toEqual([1, 1, 0]);
    expect(attempts[2]?.outputs).toEqual({ attempts: '3' });
    expect(definition.tasks.find(({ name }) => name === 'flaky')?.retry).toMatchObject({ attempts: 4, delayMs: 500 });
  });

  test('broken fails at every attempt, and slow has a second to live', async () => {
    expect((await attemptOf('broken', 2)).exitCode).toBe(3);
    expect(definition.tasks.find(({ name }) => name === 'slow')?.timeoutMs).toBe(1_000);
  });
});
