/** From the text of a workflow file to its canonical definition, or to all of its faults, each with its place. */
import type { GraphTask } from '../../actors/graph/validate.ts';
import { commonTaskSourceSchema } from '../../schemas/definition/task-common-source.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { type WorkflowSource, workflowSourceSchema } from '../../schemas/definition/workflow-source.ts';
import {
  type DefinitionFault,
  type FoundFault,
  formatPath,
  limitFaults,
  toCanonicalFault,
} from './definition-fault.ts';
import { filledTexts } from './filled-fields.ts';
import { graphFaults } from './graph-faults.ts';
import { logicFaults } from './logic-faults.ts';
import { logicTaskOf } from './logic-tasks.ts';
import { mapFaults } from './map-faults.ts';
import { paramFaults, type TextAt, textFaults } from './param-faults.ts';
import { pointlessWays } from './pointless-ways.ts';
import { valueAt } from './schema-at.ts';
import { schemaFaults } from './schema-faults.ts';
import { offsetAt, readSource, type SourceNode, type SourceText } from './source-tree.ts';
import { toCanonical } from './to-canonical.ts';
import type { PlacedFault } from './yaml-document.ts';

export type ParseResult =
  | { kind: 'ok'; definition: WorkflowDefinition }
  | { kind: 'faults'; faults: DefinitionFault[] };

/** `fileName` only names the text in the faults. */
export function parseDefinition(text: string, fileName: string): ParseResult {
  const source = readSource(text);
  const { root } = source;
  if (root === undefined) return { kind: 'faults', faults: place(source.faults, source, fileName) };
  const parsed = workflowSourceSchema.safeParse(root.value);
  const ofSchema = parsed.success
    ? [...sourceParamFaults(parsed.data), ...sourceLogicFaults(parsed.data), ...sourceMapFaults(parsed.data)]
    : schemaFaults(parsed.error, { schema: workflowSourceSchema, value: root.value });
  const found = uniqueByPath([...ofSchema, ...untypedTaskFaults(ofSchema, root), ...needFaults(root)]);
  const placed = found.map((fault): PlacedFault => ({ ...fault, offset: offsetAt(root, fault.path, fault.at) }));
  const faults = [...source.faults, ...placed];
  if (faults.length > 0 || !parsed.success) return { kind: 'faults', faults: place(faults, source, fileName) };
  return { kind: 'ok', definition: toCanonical(parsed.data) };
}

function sourceParamFaults({ params, tasks }: WorkflowSource): FoundFault[] {
  const ofTasks = Object.entries(tasks).flatMap(([name, task]) =>
    task.type !== 'workflow' && 'params' in task && task.params !== undefined
      ? [{ params: task.params, path: ['tasks', name, 'params'] }]
      : [],
  );
  const texts = Object.entries(tasks).flatMap(([name, task]): TextAt[] => {
    const at = ['tasks', name];
    const ofTask = 'env' in task ? [{ text: task.env, path: [...at, 'env'] }] : [];
    return [...ofTask, ...filledTexts(task, at)];
  });
  return [...paramFaults(params, ofTasks), ...textFaults(texts)];
}

function sourceMapFaults({ tasks }: WorkflowSource): FoundFault[] {
  return Object.entries(tasks).flatMap(([name, task]) => {
    if (task.type !== 'map') return [];
    const path = ['tasks', name, 'over'];
    return mapFaults(
      Object.entries(task.over).map(([list, values]) => ({ values, path: [...path, list] })),
      path,
    );
  });
}

function sourceLogicFaults({ params, tasks }: WorkflowSource): FoundFault[] {
  const all = Object.entries(tasks).map(([name, task]) => ({ name, task, needs: [task.needs].flat() }));
  const logic = all.flatMap(({ name, task, needs }) => {
    if (task.type !== 'switch' && task.type !== 'conditions') return [];
    const own = task.type === 'switch' ? Object.keys(task.params ?? {}) : [];
    return [logicTaskOf(task, { name, needs, params: own, path: ['tasks', name] })];
  });
  return [...logicFaults(all, logic, Object.keys(params)), ...pointlessWays(all, logic)];
}

/** A task whose type is not known has only that fault so far; what all types have in common is checked all the same. */
function untypedTaskFaults(faults: readonly FoundFault[], root: SourceNode): FoundFault[] {
  const untyped = faults.filter(({ path }) => path.length === 3 && path[0] === 'tasks' && path[2] === 'type');
  return untyped.flatMap(({ path }) => {
    const value = valueAt(root.value, path.slice(0, 2));
    const parsed = commonTaskSourceSchema.safeParse(value);
    if (parsed.success) return [];
    const inTask = schemaFaults(parsed.error, { schema: commonTaskSourceSchema, value });
    return inTask.map((fault) => ({ ...fault, path: [...path.slice(0, 2), ...fault.path] }));
  });
}

/** The graph is checked even where other fields are wrong; a need that is no text is the schema's matter. */
function needFaults(root: SourceNode): FoundFault[] {
  const tasks = [...(root.fields?.get('tasks')?.node.fields ?? [])].map(
    ([name, { node }]): GraphTask & { isList: boolean } => {
      const needs = node.fields?.get('needs')?.node.value;
      if (!Array.isArray(needs)) return { name, needs: typeof needs === 'string' ? [needs] : [], isList: false };
      return {
        name,
        needs: needs.map((need, index) => (typeof need === 'string' ? need : `(${index})`)),
        isList: true,
      };
    },
  );
  return graphFaults(tasks, (taskIndex, needIndex) => {
    const task = tasks[taskIndex];
    const steps = ['tasks', task?.name ?? '', 'needs'];
    return task?.isList === true && needIndex !== undefined ? [...steps, needIndex] : steps;
  });
}

/** One fault for each place and name: the first says enough. */
function uniqueByPath(faults: readonly FoundFault[]): FoundFault[] {
  const byPath = new Map<string, FoundFault>();
  for (const fault of faults) {
    const key = `${formatPath(fault.path)}${fault.code === 'CYCLE' ? ' cycle' : ''}`;
    if (!byPath.has(key)) byPath.set(key, fault);
  }
  return [...byPath.values()];
}

function place(faults: readonly PlacedFault[], source: SourceText, file: string): DefinitionFault[] {
  const sorted = [...faults].sort((a, b) => a.offset - b.offset);
  const limited = limitFaults(sorted, (rest): PlacedFault => ({ ...rest, offset: 0 }));
  return limited.map((fault) => ({ ...toCanonicalFault(fault), file, ...source.placeOf(fault.offset) }));
}
