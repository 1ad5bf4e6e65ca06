/** Checks a canonical definition that did not come from a text of ours: one that arrived over the wire. */
import type { TaskSettings } from '../../schemas/definition/task-settings.ts';
import { type WorkflowDefinition, workflowDefinitionSchema } from '../../schemas/definition/workflow.definition.ts';
import { type CanonicalFault, type FoundFault, limitFaults, toCanonicalFault } from './definition-fault.ts';
import { filledTexts } from './filled-fields.ts';
import { graphFaults } from './graph-faults.ts';
import { logicFaults } from './logic-faults.ts';
import { logicTaskOf } from './logic-tasks.ts';
import { mapFaults } from './map-faults.ts';
import { paramFaults, type TextAt, textFaults, timeZoneFaults } from './param-faults.ts';
import { schemaFaults } from './schema-faults.ts';

export type CheckResult = { kind: 'ok'; definition: WorkflowDefinition } | { kind: 'faults'; faults: CanonicalFault[] };

/** @param ofPlugins faults in settings that only plugins know. All faults of the form, or, when the form is right, all of the graph and the settings. */
export function checkDefinition(
  value: unknown,
  ofPlugins: (definition: WorkflowDefinition) => FoundFault[] = () => [],
): CheckResult {
  if (isTooDeep(value)) return { kind: 'faults', faults: [tooDeepFault()] };
  const parsed = workflowDefinitionSchema.safeParse(value);
  const found = parsed.success
    ? [
        ...definitionGraphFaults(parsed.data),
        ...definitionParamFaults(parsed.data),
        ...definitionLogicFaults(parsed.data),
        ...settingsFaults(parsed.data),
        ...ofPlugins(parsed.data),
        ...definitionMapFaults(parsed.data),
      ]
    : schemaFaults(parsed.error, { schema: workflowDefinitionSchema, value });
  if (parsed.success && found.length === 0) return { kind: 'ok', definition: parsed.data };
  return { kind: 'faults', faults: limitFaults(found, (rest) => rest).map(toCanonicalFault) };
}

function definitionGraphFaults({ tasks }: WorkflowDefinition): FoundFault[] {
  return graphFaults(tasks, (taskIndex, needIndex) =>
    needIndex === undefined ? ['tasks', taskIndex, 'name'] : ['tasks', taskIndex, 'needs', needIndex],
  );
}

function definitionParamFaults({ params, timeZone, tasks }: WorkflowDefinition): FoundFault[] {
  const ofTasks = tasks.flatMap((task, taskIndex) =>
    task.params === undefined ? [] : [{ params: task.params, path: ['tasks', taskIndex, 'params'] }],
  );
  const texts = tasks.flatMap(({ env, settings }, taskIndex): TextAt[] => {
    const at = ['tasks', taskIndex];
    const ofTask = [{ text: env, path: [...at, 'env'] }];
    return [...ofTask, ...filledTexts(settings, [...at, 'settings'])];
  });
  return [...timeZoneFaults(timeZone), ...paramFaults(params, ofTasks), ...textFaults(texts)];
}

function definitionLogicFaults({ params, tasks }: WorkflowDefinition): FoundFault[] {
  const logic = tasks.flatMap(({ name, needs, settings, params: own }, taskIndex) => {
    if (settings.type !== 'switch' && settings.type !== 'conditions') return [];
    const path = ['tasks', taskIndex, 'settings'];
    return [logicTaskOf(settings, { name, needs, params: Object.keys(own ?? {}), path })];
  });
  return logicFaults(tasks, logic, Object.keys(params));
}

function definitionMapFaults({ tasks }: WorkflowDefinition): FoundFault[] {
  return tasks.flatMap(({ settings }, taskIndex) => {
    if (settings.type !== 'map') return [];
    const path = ['tasks', taskIndex, 'settings', 'over'];
    return mapFaults(
      settings.over.map(({ values }, index) => ({ values, path: [...path, index, 'values'] })),
      path,
    );
  });
}

/** What the canonical schema cannot say of one task alone. */
function settingsFaults({ tasks }: WorkflowDefinition): FoundFault[] {
  return tasks.flatMap(({ settings: ofTask }, taskIndex): FoundFault[] => {
    const settings = ofTask.type === 'map' ? ofTask.task.settings : ofTask;
    const place = ofTask.type === 'map' ? ['settings', 'task', 'settings'] : ['settings'];
    const either = eitherOf(settings);
    if (either === undefined) return [];
    const [one, other] = either;
    return [
      {
        code: 'BAD_VALUE',
        path: ['tasks', taskIndex, ...place],
        message: `a ${settings.type} task has either "${one}" or "${other}"`,
        remedy: 'Give one of the two.',
        at: 'value',
      },
    ];
  });
}

/** Two fields of which there is not just one. */
function eitherOf(settings: TaskSettings): [string, string] | undefined {
  if (settings.type === 'wait' && (settings.durationMs === undefined) === (settings.untilAt === undefined)) {
    return ['durationMs', 'untilAt'];
  }
  if (settings.type === 'sql' && (settings.query === undefined) === (settings.script === undefined)) {
    return ['query', 'script'];
  }
  return undefined;
}

const depthMax = 100;

/** Checked without recursion: a value of 100,000 nested lists is a short text, and would exhaust the stack of any parser. */
function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax) return true;
    level = level.flatMap((part) => (typeof part === 'object' && part !== null ? Object.values(part) : []));
  }
  return false;
}

function tooDeepFault(): CanonicalFault {
  return {
    code: 'SYNTAX',
    path: '',
    message: `expected at most ${depthMax} levels of objects and lists, came more`,
    remedy: 'Flatten the definition.',
  };
}
