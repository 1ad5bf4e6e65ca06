/** What the pages show in YAML are workflows, or tasks of one, that the validator takes. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatFaults } from '../../src/definitions/format-faults.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { markdownFiles } from './markdown.ts';

const pages = ['definitions', 'workflow-language', 'parameters', 'concurrency', 'child-runs-and-dependents'];
const texts = new Map(markdownFiles().map(({ path, text }) => [path, text]));
const blocks = pages.flatMap((page) => {
  const path = `docs/${page}.md`;
  const found = [...(texts.get(path) ?? '').matchAll(/^```yaml\n([\s\S]*?)^```/gm)];
  return found.map(([, block = ''], index) => ({ place: `${path}, example ${index + 1}`, block }));
});

/** With what the page leaves out: a name, tasks, or everything around some tasks. */
function workflowOf(block: string): string {
  const value = parse(block) as Record<string, unknown>;
  const isTasks = Object.values(value).every((one) => typeof one === 'object' && one !== null && 'type' in one);
  if (isTasks) return `name: example\ntasks:\n${block.replace(/^(?=.)/gm, '  ')}`;
  const name = value.name === undefined ? 'name: example\n' : '';
  return `${name}${block}${value.tasks === undefined ? 'tasks: { a: { type: script } }\n' : ''}`;
}

test.each(blocks)('$place', ({ place, block }) => {
  const text = workflowOf(block);
  const parsed = parseDefinition(text, place);
  expect(parsed.kind === 'faults' ? formatFaults(parsed.faults, text) : '').toBe('');
});

test.each(pages)('the page %s has examples', (page) => {
  expect(blocks.map(({ place }) => place)).toContain(`docs/${page}.md, example 1`);
});
