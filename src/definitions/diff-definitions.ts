/** What is different between two versions of a workflow: tasks, their settings, and the edges between them. Pure. */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { toCanonicalJson } from './canonical.ts';

/** A setting by its path (`retry.delayMs`). `before` is missing where it is new, `after` where it is gone. */
export type SettingChange = { path: string; before?: JsonValue; after?: JsonValue };

/** `to` needs `from`. */
export type Edge = { from: TaskName; to: TaskName };

export type TaskChange = { task: TaskName; changes: SettingChange[] };

export type DefinitionDiff = {
  /** Settings of the workflow itself. */
  settings: SettingChange[];
  tasks: {
    added: TaskName[];
    removed: TaskName[];
    /** Tasks of both versions whose settings differ; what they need is told by the edges. */
    changed: TaskChange[];
  };
  /** Edges of added and removed tasks included. */
  edges: { added: Edge[]; removed: Edge[] };
  /** The tasks, or the needs of one, stand in another order. That changes the digest, and nothing that a run does. */
  isReordered: boolean;
};

/** In the order of the newer definition, what was removed in the order of the older one. */
export function diffDefinitions(before: WorkflowDefinition, after: WorkflowDefinition): DefinitionDiff {
  const older = tasksByName(before);
  const newer = tasksByName(after);
  const both = after.tasks.filter(({ name }) => older.has(name));
  return {
    settings: changesOf(withoutTasks(before), withoutTasks(after)),
    tasks: {
      added: namesMissingIn(older, after),
      removed: namesMissingIn(newer, before),
      changed: both.map((task) => taskChange(older, task)).filter(({ changes }) => changes.length > 0),
    },
    edges: { added: edgesMissingIn(older, after), removed: edgesMissingIn(newer, before) },
    isReordered: isReordered(older, newer, both),
  };
}

type TasksByName = ReadonlyMap<TaskName, TaskDefinition>;

function tasksByName({ tasks }: WorkflowDefinition): TasksByName {
  return new Map(tasks.map((task) => [task.name, task]));
}

function namesMissingIn(others: TasksByName, { tasks }: WorkflowDefinition): TaskName[] {
  return tasks.map(({ name }) => name).filter((name) => !others.has(name));
}

function edgesMissingIn(others: TasksByName, { tasks }: WorkflowDefinition): Edge[] {
  return tasks.flatMap(({ name, needs }) => {
    const known = new Set(others.get(name)?.needs);
    return needs.filter((need) => !known.has(need)).map((from) => ({ from, to: name }));
  });
}

function taskChange(older: TasksByName, task: TaskDefinition): TaskChange {
  const before = older.get(task.name);
  return { task: task.name, changes: before === undefined ? [] : changesOf(withoutNeeds(before), withoutNeeds(task)) };
}

function withoutTasks({ tasks: _tasks, ...settings }: WorkflowDefinition): object {
  return settings;
}

function withoutNeeds({ name: _name, needs: _needs, ...settings }: TaskDefinition): object {
  return settings;
}

function isReordered(older: TasksByName, newer: TasksByName, both: readonly TaskDefinition[]): boolean {
  const namesBefore = [...older.keys()].filter((name) => newer.has(name));
  if (both.some(({ name }, place) => namesBefore[place] !== name)) return true;
  return both.some(({ name, needs }) => {
    const needsBefore = older.get(name)?.needs ?? [];
    return (
      needs.length === needsBefore.length &&
      needs.every((need) => needsBefore.includes(need)) &&
      needs.some((need, place) => needsBefore[place] !== need)
    );
  });
}

/** Maps are compared field by field, lists of maps item by item, other lists as a whole. */
function changesOf(before: object, after: object, path = ''): SettingChange[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...fields].flatMap((field) => {
    const name = path === '' ? field : `${path}.${field}`;
    return changeOf(fieldOf(before, field), fieldOf(after, field), name);
  });
}

function changeOf(old: JsonValue | undefined, now: JsonValue | undefined, path: string): SettingChange[] {
  if (isMap(old) && isMap(now)) return changesOf(old, now, path);
  if (isListOfMaps(old) && isListOfMaps(now)) {
    const longer = old.length > now.length ? old : now;
    return longer.flatMap((_, index) => changeOf(old[index], now[index], `${path}[${index}]`));
  }
  if (old !== undefined && now !== undefined && toCanonicalJson(old) === toCanonicalJson(now)) return [];
  return [{ path, ...(old === undefined ? {} : { before: old }), ...(now === undefined ? {} : { after: now }) }];
}

function isListOfMaps(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMap);
}

/** Reason for the cast: a definition is JSON. */
function fieldOf(map: object, field: string): JsonValue | undefined {
  return Object.hasOwn(map, field) ? (map as Record<string, JsonValue>)[field] : undefined;
}

function isMap(value: JsonValue | undefined): value is { [name: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
