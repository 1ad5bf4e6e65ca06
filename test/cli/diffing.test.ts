import { expect, test } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { definitionReplySchema } from '../../schemas/messages/client.messages.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { createCommandLine, expectGolden } from './command-line.ts';

const first = workflowOf([taskOf('build'), taskOf('test', ['build']), taskOf('announce', ['test'])]);
const second = workflowOf(
  [
    taskOf('build', [], { retry: { attempts: 3 }, timeoutMs: 60_000 }),
    taskOf('lint'),
    taskOf('test', ['build', 'lint']),
  ],
  { failurePolicy: 'end' },
);

function boxWith(...versions: WorkflowDefinition[]) {
  const box = createCommandLine();
  for (const [index, definition] of versions.entries()) {
    const digest = String(index + 1).repeat(64);
    box.master.definitionReplies.push(
      definitionReplySchema.parse({ name: 'tested', version: index + 1, digest, definition }),
    );
  }
  return box;
}

test('diff shows what was added, removed and changed', async () => {
  const box = boxWith(first, second);
  expect(await box.run('diff', 'tested', '1', '2')).toBe(0);
  expectGolden('diff', box.stdout());
});

test('diff prints one document with --json', async () => {
  const box = boxWith(first, second);
  await box.run('diff', 'tested', '2', '1', '--json');
  expect(box.json()).toMatchObject({
    workflow: 'tested',
    from: { version: 2, digest: '2'.repeat(64) },
    to: { version: 1 },
    settings: [{ path: 'failurePolicy', before: 'end', after: 'continue' }],
    tasks: { added: ['announce'], removed: ['lint'] },
    edges: { added: [{ from: 'test', to: 'announce' }], removed: [{ from: 'lint', to: 'test' }] },
    isReordered: false,
  });
});

test('diff says so when nothing changed', async () => {
  const box = boxWith(first, first);
  expect(await box.run('diff', 'tested', '1', '2')).toBe(0);
  expect(box.stdout()).toBe('');
  expect(box.stderr()).toBe('Version 1 and version 2 of tested are the same.\n');
});

test('diff of a version that does not exist ends with 66, of what is no version with 64', async () => {
  const box = boxWith(first);
  expect(await box.run('diff', 'tested', '1', '9')).toBe(66);
  expect(box.stderr()).toContain('has no version 9');
  expect(await box.run('diff', 'tested', '1', 'newest')).toBe(64);
});
