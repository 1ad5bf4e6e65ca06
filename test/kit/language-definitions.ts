/** Random definitions with everything that the language has: ways, disabled tasks, delays, answers from outside, child runs. */
import fc from 'fast-check';
import type { Condition } from '../../schemas/definition/logic-settings.ts';
import type { MapSettings, TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Start } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName, WorkflowName } from '../../schemas/ids.ts';
import { definitionArbitrary, mapOf, workflowOf } from './definitions.ts';

const kinds = ['script', 'script', 'script', 'switch', 'conditions', 'signal', 'approval', 'workflow', 'map'] as const;
type Kind = (typeof kinds)[number];

const traitsArbitrary = fc.record({
  kind: fc.constantFrom(...kinds),
  /** Which dependants a way names, and which case is true. */
  dice: fc.nat(1_000_000),
  isEnabled: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
  delayMs: fc.constantFrom(undefined, undefined, undefined, 100),
  queueTimeoutMs: fc.constantFrom(undefined, undefined, 200),
  timeoutPolicy: fc.constantFrom(undefined, 'fail' as const, 'warn' as const, 'warnAndFail' as const),
});
type Traits = typeof traitsArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** As `definitionArbitrary`; two of five tasks are decided by the owner of the run. */
export function languageArbitrary(taskCountMax = 8): fc.Arbitrary<WorkflowDefinition> {
  return fc
    .record({
      plain: definitionArbitrary(taskCountMax),
      traits: fc.array(traitsArbitrary, { minLength: taskCountMax, maxLength: taskCountMax }),
      timeoutMs: fc.constantFrom(undefined, undefined, 1_000),
      timeoutPolicy: fc.constantFrom(undefined, 'warn' as const),
      isSerial: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
    })
    .map(({ plain, traits, timeoutMs, timeoutPolicy, isSerial }) => ({
      ...workflowOf(
        plain.tasks.map((task, index) => withTraits(plain, task, traits[index])),
        { failurePolicy: plain.failurePolicy },
      ),
      ...(isSerial ? { concurrency: { policy: 'wait' as const } } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(timeoutPolicy === undefined ? {} : { timeoutPolicy }),
    }));
}

/** A start with one task of the definition. */
export function startOf({ tasks }: WorkflowDefinition, pick: number, mode: Start['mode']): Start {
  const name = tasks[pick % tasks.length]?.name;
  return { tasks: name === undefined ? [] : [name], mode };
}

function withTraits(plain: WorkflowDefinition, task: TaskDefinition, traits: Traits | undefined): TaskDefinition {
  if (traits === undefined) return task;
  const { kind, dice, isEnabled, delayMs, queueTimeoutMs, timeoutPolicy } = traits;
  return {
    ...task,
    settings: settingsOf(plain, task, kind, dice),
    ...(isEnabled ? {} : { enabled: false }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(queueTimeoutMs === undefined ? {} : { queueTimeoutMs }),
    ...(timeoutPolicy === undefined ? {} : { timeoutPolicy }),
  };
}

function settingsOf(
  plain: WorkflowDefinition,
  task: TaskDefinition,
  kind: Kind,
  dice: number,
): TaskDefinition['settings'] {
  const dependants = plain.tasks.filter(({ needs }) => needs.includes(task.name)).map(({ name }) => name);
  const some = (seed: number): TaskName[] => dependants.filter((_, index) => ((seed >> index) & 1) === 1);
  switch (kind) {
    case 'script':
      return task.settings;
    case 'switch': {
      const answers = ['true', 'false', 'false', 'params.unknown.field'];
      const cases = [dice >> 2, dice >> 5].map((seed) => ({
        when: answers[seed % 4] ?? 'true',
        next: some(seed >> 2),
      }));
      return { type: 'switch', cases, otherwise: some(dice >> 8) };
    }
    case 'conditions':
      if (task.needs.length === 0) return task.settings;
      return {
        type: 'conditions',
        when: conditionOf(task.needs, dice),
        next: some(dice >> 3),
        otherwise: some(dice >> 6),
      };
    case 'signal':
      return { type: 'signal', name: (dice % 2 === 0 ? 'go' : 'halt') as TaskName };
    case 'approval':
      return { type: 'approval' };
    case 'map':
      return randomMap(task, dice);
    case 'workflow':
      return { type: 'workflow', name: 'child' as WorkflowName, params: {} };
  }
}

const lists = [[], [1], [1, 2, 3], ['a', 'b'], '[1, 2]', 'params.unknown'];
const failureRules = [undefined, 'failFast', 'continue', { max: 1 }] as const;

/** Its items are as the task would be that it stands for; some of them child runs. */
function randomMap(task: TaskDefinition, dice: number): MapSettings {
  const failures = failureRules[(dice >> 3) % 4];
  const { retry, onWorkerLost, settings } = task;
  const child = { type: 'workflow' as const, name: 'child' as WorkflowName, params: {} };
  const delay = (dice >> 9) % 4 === 0 ? { delayMs: 100 } : {};
  const item = { retry, settings: (dice >> 7) % 4 === 0 ? child : scriptOf(settings), ...delay };
  return mapOf(lists[dice % 6] ?? [], {
    ...((dice >> 5) % 2 === 0 ? {} : { concurrency: 1 + ((dice >> 6) % 2) }),
    ...(failures === undefined ? {} : { failures }),
    item: onWorkerLost === undefined ? item : { ...item, onWorkerLost },
  });
}

function scriptOf(settings: TaskDefinition['settings']) {
  if (settings.type !== 'script') throw new Error('a random task is a script');
  return settings;
}

function conditionOf(needs: readonly TaskName[], dice: number): Condition {
  const parts = needs.map(
    (task, index): Condition => ({ task, is: ((dice >> index) & 1) === 1 ? 'succeeded' : 'failed' }),
  );
  return dice % 3 === 0 ? { any: parts } : { all: parts };
}
