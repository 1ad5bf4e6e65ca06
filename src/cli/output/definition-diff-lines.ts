/** What `millrace diff` prints: one line for each thing that was added (+), removed (-) or changed (~). */
import type { JsonValue } from '../../../schemas/json.ts';
import type { DefinitionDiff, SettingChange } from '../../definitions/diff-definitions.ts';
import type { Colors } from './colors.ts';
import { oneLine, shortened } from './plain-text.ts';

const valueLengthMax = 160;

/** Empty when the versions are the same. */
export function definitionDiffLines(diff: DefinitionDiff, colors: Colors): string[] {
  const added = (text: string): string => colors.green(`+ ${text}`);
  const removed = (text: string): string => colors.red(`- ${text}`);
  const changed = (text: string): string => colors.yellow(`~ ${text}`);
  const { settings, tasks, edges, isReordered } = diff;
  return [
    ...(settings.length === 0 ? [] : [changed('workflow'), ...settings.map(changeLine)]),
    ...tasks.added.map((task) => added(`task ${task}`)),
    ...tasks.removed.map((task) => removed(`task ${task}`)),
    ...tasks.changed.flatMap(({ task, changes }) => [changed(`task ${task}`), ...changes.map(changeLine)]),
    ...edges.added.map(({ from, to }) => added(`${to} needs ${from}`)),
    ...edges.removed.map(({ from, to }) => removed(`${to} needs ${from}`)),
    ...(isReordered ? [changed('order of the tasks, or of what one needs')] : []),
  ];
}

function changeLine({ path, before, after }: SettingChange): string {
  return `    ${oneLine(path)}: ${valueText(before)} -> ${valueText(after)}`;
}

function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return 'none';
  return shortened(oneLine(JSON.stringify(value)), valueLengthMax);
}
