/** The built-in parameters `system.*`, by the names of DolphinScheduler. A definition's code is its name here. */
import type { TaskName } from '../../schemas/ids.ts';
import { definedNameOf, itemIn } from '../map/item-name.ts';
import type { ZonedMoment } from './date-pattern.ts';
import { evaluateTime } from './time-expression.ts';

export type BuiltInSource = {
  /** Absent: there are no built-in times. */
  readonly time?: ZonedMoment | undefined;
  readonly workflow: string;
  readonly instance: string;
  readonly task: string;
  readonly attemptId: string;
  /** Folder of the attempt; known on the worker only. */
  readonly folder?: string;
};

const times = {
  'system.biz.date': 'yyyyMMdd-1',
  'system.biz.curdate': 'yyyyMMdd',
  'system.datetime': 'yyyyMMddHHmmss',
} as const;

const folderName = 'system.task.execute.path';

/** What a master cannot tell. */
export const lateBuiltIns: ReadonlySet<string> = new Set([folderName]);

export function builtInsOf(source: BuiltInSource): Map<string, string> {
  const { time, workflow, instance, task, attemptId, folder } = source;
  const definition = definedNameOf(task as TaskName);
  const item = itemIn(task as TaskName)?.item;
  const named: [string, string][] = [
    ['system.task.instance.id', attemptId],
    ['system.task.definition.name', definition],
    ['system.task.definition.code', definition],
    ['system.workflow.instance.id', instance],
    ['system.workflow.definition.name', workflow],
    ['system.workflow.definition.code', workflow],
  ];
  if (item !== undefined) named.push(['system.map.item.index', String(item)]);
  if (folder !== undefined) named.push([folderName, folder]);
  for (const [name, expression] of Object.entries(times)) {
    const result = time === undefined ? undefined : evaluateTime(expression, time);
    if (result?.ok === true) named.push([name, result.text]);
  }
  return new Map(named);
}
