/** Events as a test names them: by type, by type and task, or with some of their fields. */
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';

type EventType = WorkflowInstanceEvent['type'];

/** `'TaskFailed'`, `'TaskFailed fetch'`, or `{ type: 'TaskFailed', data: { task: 'fetch' } }`: fields not named may be anything. */
export type EventPattern =
  | EventType
  | `${EventType} ${string}`
  | { readonly type: EventType; readonly data?: Readonly<Record<string, unknown>> };

export function fits(pattern: EventPattern, { type, data }: WorkflowInstanceEvent): boolean {
  if (typeof pattern !== 'string') return pattern.type === type && isPartOf(pattern.data ?? {}, data);
  const [named, ...task] = pattern.split(' ');
  if (named !== type) return false;
  return task.length === 0 || ('task' in data && data.task === task.join(' '));
}

export function patternText(pattern: EventPattern): string {
  if (typeof pattern === 'string') return pattern;
  return pattern.data === undefined ? pattern.type : `${pattern.type} ${JSON.stringify(pattern.data)}`;
}

/** As short as a pattern that fits it. */
export function eventText({ type, data }: WorkflowInstanceEvent): string {
  return 'task' in data && data.task !== undefined ? `${type} ${data.task}` : type;
}

/** Objects may have more fields; everything else is the same. */
export function isPartOf(part: unknown, whole: unknown): boolean {
  if (typeof part !== 'object' || part === null) return Object.is(part, whole);
  if (typeof whole !== 'object' || whole === null || Array.isArray(part) !== Array.isArray(whole)) return false;
  if (Array.isArray(part) && part.length !== (whole as unknown[]).length) return false;
  return Object.entries(part).every(([key, value]) => isPartOf(value, (whole as Record<string, unknown>)[key]));
}
