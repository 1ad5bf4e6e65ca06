/** Random workflows: graphs of many shapes, tasks of every type, and everything that the language lets a definition say. */
import type { Condition } from '../../schemas/definition/logic-settings.ts';
import type { ScriptStep, TaskSettings } from '../../schemas/definition/task-settings.ts';
import {
  type Concurrency,
  concurrencyPolicies,
  type MapSettings,
  type OnWorkerLost,
  priorities,
  type RetryPolicy,
  type TaskDefinition,
  type WorkflowDefinition,
} from '../../schemas/definition/workflow.definition.ts';
import type { TaskGroupName, TaskName, WorkerGroup, WorkflowName } from '../../schemas/ids.ts';
import type { SimRandom } from './sim-random.ts';

/** How rough the tasks of a seed are, and how much of the language its workflows use. */
export type Roughness = {
  failRate: number;
  crashRate: number;
  timeoutRate: number;
  longestMs: number;
  /** Share of tasks that their owner decides by itself, or that are delayed or disabled. */
  richness: number;
  /** Share of tasks that need slots of a task group. */
  groupRate: number;
};

export type DefinitionScope = {
  name: WorkflowName;
  /** Workflows that this one may start or wait for. */
  below: readonly WorkflowName[];
  groups: readonly string[];
  roughness: Roughness;
};

type WorkerSettings = Extract<TaskSettings, { type: 'wait' | 'script' }>;
type Place = { index: number; needed: readonly number[]; dependants: readonly number[] };

/** Attempts with this variable count as having outside effects: they start only when they are noted. */
export const outsideVariable = 'SIM_OUTSIDE';
export const taskGroups = ['slots0', 'slots1'] as readonly string[] as readonly TaskGroupName[];
/** Most slots that one task needs. */
export const slotsMax = 2;
export const signalNames = ['go', 'halt'] as readonly string[] as readonly TaskName[];

export function drawRoughness(random: SimRandom): Roughness {
  return {
    failRate: random.pick([0, 0, 0.1, 0.3]),
    crashRate: random.pick([0, 0, 0, 0.03]),
    timeoutRate: random.pick([0, 0.2, 0.5]),
    longestMs: random.pick([random.magnitude(200, 5_000), random.between(5_000, 40_000)]),
    richness: random.pick([0, 0.2, 0.4, 0.6]),
    groupRate: random.pick([0, 0, 0.3, 0.7]),
  };
}

export function drawDefinition(random: SimRandom, scope: DefinitionScope): WorkflowDefinition {
  const needs = drawShape(random);
  const isRich = random.chance(scope.roughness.richness);
  const dependantsOf = (index: number) => needs.flatMap((needed, other) => (needed.includes(index) ? [other] : []));
  return {
    name: scope.name,
    params: { size: 1, must: null },
    failurePolicy: random.pick(['continue', 'end'] as const),
    ...(isRich ? drawLimits(random) : {}),
    tasks: needs.map((needed, index) => drawTask(random, scope, { index, needed, dependants: dependantsOf(index) })),
  };
}

/** A later version that runs of the first one can mostly be moved to. */
export function drawVariation(random: SimRandom, first: WorkflowDefinition): WorkflowDefinition {
  const tasks = first.tasks.map((task) => ({
    ...task,
    priority: random.pick(priorities),
    retry: drawRetry(random, 3),
  }));
  const last = tasks.at(-1);
  if (last === undefined || random.chance(0.5)) return { ...first, tasks };
  const settings: TaskSettings = { type: 'wait', durationMs: random.integer(0, 500) };
  const { workerGroup, retry } = last;
  const more = { needs: [last.name], settings, retry, workerGroup, priority: 'medium' as const, env: {} };
  return { ...first, tasks: [...tasks, { name: nameOf(tasks.length), ...more }] };
}

/** What holds for a run as a whole. */
function drawLimits(random: SimRandom): Partial<WorkflowDefinition> {
  const isTimed = random.chance(0.4);
  return {
    ...(isTimed ? { timeoutMs: Math.round(random.magnitude(500, 60_000)) } : {}),
    ...(isTimed && random.chance(0.5) ? { timeoutPolicy: random.pick(['warn', 'warnAndFail'] as const) } : {}),
    ...(random.chance(0.6) ? { concurrency: drawConcurrency(random) } : {}),
    ...(random.chance(0.3) ? { outputs: { size: filledIn('params.size'), n: filledIn('tasks.t0.outputs.n') } } : {}),
  };
}

function drawConcurrency(random: SimRandom): Concurrency {
  const activeMax = random.pick([undefined, 1, 2]);
  return { policy: random.pick(concurrencyPolicies), ...(activeMax === undefined ? {} : { activeMax }) };
}

/** For each task the numbers of the tasks that it needs. */
function drawShape(random: SimRandom): number[][] {
  const size = random.integer(1, 5);
  switch (random.pick(['chain', 'fan', 'diamond', 'random'] as const)) {
    case 'chain':
      return Array.from({ length: size }, (_, index) => (index === 0 ? [] : [index - 1]));
    case 'fan': {
      const leaves = Array.from({ length: size }, (_, index) => index + 1);
      return [[], ...leaves.map(() => [0]), leaves];
    }
    case 'diamond':
      return [[], [0], [0], [1, 2]];
    case 'random':
      return Array.from({ length: size + 2 }, (_, index) =>
        Array.from({ length: index }, (_, need) => need).filter(() => random.chance(0.35)),
      );
  }
}

const nameOf = (index: number) => `t${index}` as TaskName;

function drawTask(random: SimRandom, scope: DefinitionScope, place: Place): TaskDefinition {
  const { groups, roughness } = scope;
  const timeoutMs = random.chance(roughness.timeoutRate) ? Math.round(random.magnitude(50, 5_000)) : undefined;
  const own = random.chance(roughness.richness) ? drawOwnSettings(random, scope, place) : undefined;
  return {
    name: nameOf(place.index),
    needs: place.needed.map(nameOf),
    settings: own ?? drawWorkerSettings(random, roughness),
    retry: drawRetry(random, own?.type === 'workflow' ? 2 : 3),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    workerGroup: random.pick(groups) as WorkerGroup,
    priority: random.pick(priorities),
    env: random.chance(0.3) ? { [outsideVariable]: '1' } : {},
    ...(random.chance(0.5) ? { onWorkerLost: drawPolicy(random) } : {}),
    ...(random.chance(roughness.richness) ? drawWishes(random) : {}),
    ...(random.chance(roughness.groupRate) ? { group: drawGroup(random) } : {}),
  };
}

/** What a task may say of when it begins and what its timeouts mean. */
function drawWishes(random: SimRandom): Partial<TaskDefinition> {
  return {
    ...(random.chance(0.15) ? { enabled: false } : {}),
    ...(random.chance(0.3) ? { delayMs: Math.round(random.magnitude(10, 10_000)) } : {}),
    ...(random.chance(0.3) ? { queueTimeoutMs: Math.round(random.magnitude(100, 10_000)) } : {}),
    ...(random.chance(0.3) ? { cache: { ttlMs: Math.round(random.magnitude(1_000, 100_000)) } } : {}),
    ...(random.chance(0.5) ? { timeoutPolicy: random.pick(['fail', 'warn', 'warnAndFail'] as const) } : {}),
  };
}

function drawGroup(random: SimRandom): NonNullable<TaskDefinition['group']> {
  const slots = random.pick([undefined, 1, slotsMax]);
  return { name: random.pick(taskGroups), ...(slots === undefined ? {} : { slots }) };
}

/** Settings of a task that no worker runs, if one fits the place. */
function drawOwnSettings(
  random: SimRandom,
  scope: DefinitionScope,
  { needed, dependants }: Place,
): TaskDefinition['settings'] | undefined {
  const { below } = scope;
  const some = () => dependants.filter(() => random.chance(0.5)).map(nameOf);
  switch (
    random.pick(['switch', 'switch', 'conditions', 'signal', 'approval', 'workflow', 'dependent', 'map'] as const)
  ) {
    case 'switch':
      return dependants.length === 0 ? undefined : drawSwitch(random, needed, dependants);
    case 'conditions':
      if (needed.length === 0) return undefined;
      return { type: 'conditions', when: drawCondition(random, needed), next: some(), otherwise: some() };
    case 'signal':
      return { type: 'signal', name: random.pick(signalNames) };
    case 'approval':
      return { type: 'approval', ...(random.chance(0.5) ? { question: 'Go on?' } : {}) };
    case 'workflow':
      return below.length === 0 ? undefined : drawChild(random, random.pick(below), needed);
    case 'dependent':
      return below.length === 0 ? undefined : drawDependent(random, random.pick(below));
    case 'map':
      return drawMap(random, scope);
  }
}

/** Some way of it leads somewhere, and no two cases are the same. */
function drawSwitch(random: SimRandom, needed: readonly number[], dependants: readonly number[]): TaskSettings {
  const some = () => dependants.filter(() => random.chance(0.5)).map(nameOf);
  const texts = new Set(Array.from({ length: random.integer(1, 2) }, () => drawCase(random, needed)));
  return {
    type: 'switch',
    cases: [...texts].map((when) => ({ when, next: some() })),
    otherwise: [nameOf(random.pick(dependants))],
  };
}

/** Most are true or false; some name what is not there, or are neither. */
function drawCase(random: SimRandom, needed: readonly number[]): string {
  const texts = ['params.size > 4', 'params.size > 8', 'params.size < 3', 'params.size', 'params.size.colour > 1'];
  if (needed.length === 0) return random.pick(texts);
  const need = `tasks.${nameOf(random.pick(needed))}`;
  return random.pick([...texts.slice(0, 3), `${need}.status == "succeeded"`, `${need}.outputs.n > 50`]);
}

function drawCondition(random: SimRandom, needed: readonly number[]): Condition {
  const parts = needed.map(
    (need): Condition => ({ task: nameOf(need), is: random.pick(['succeeded', 'failed'] as const) }),
  );
  return random.chance(0.5) ? { all: parts } : { any: parts };
}

function drawMap(random: SimRandom, { groups, roughness }: DefinitionScope): MapSettings {
  const values = random.pick([[], [1], [1, 2, 3], 'params.must', 'params.size']);
  const failures = random.pick([undefined, 'failFast' as const, 'continue' as const, { max: 1 }]);
  const timeoutMs = random.chance(roughness.timeoutRate) ? Math.round(random.magnitude(50, 5_000)) : undefined;
  return {
    type: 'map',
    over: [{ name: 'item', values }, ...(random.chance(0.2) ? [{ name: 'side', values: ['l', 'r'] }] : [])],
    task: {
      settings: drawWorkerSettings(random, roughness),
      retry: drawRetry(random, 2),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      workerGroup: random.pick(groups) as WorkerGroup,
      priority: random.pick(priorities),
      env: random.chance(0.3) ? { [outsideVariable]: '1' } : {},
      ...(random.chance(roughness.groupRate) ? { group: drawGroup(random) } : {}),
    },
    ...(random.chance(0.5) ? { concurrency: random.integer(1, 2) } : {}),
    ...(failures === undefined ? {} : { failures }),
  };
}

const filledIn = (expression: string) => `\${${expression}}`;

function drawChild(random: SimRandom, name: WorkflowName, needed: readonly number[]): TaskSettings {
  const isFilled = needed.length > 0 && random.chance(0.4);
  const must = filledIn(isFilled ? `tasks.${nameOf(random.pick(needed))}.outputs.n` : 'params.size');
  return { type: 'workflow', name, params: { must: random.chance(0.5) ? 1 : must } };
}

function drawDependent(random: SimRandom, workflow: WorkflowName): TaskSettings {
  const task = random.pick([undefined, nameOf(0), '*' as const]);
  const item = { workflow, cycle: 'day' as const, range: 'today' as const, ...(task === undefined ? {} : { task }) };
  return {
    type: 'dependent',
    relation: 'and',
    items: [{ relation: random.pick(['and', 'or'] as const), items: [item] }],
    onFailure: random.pick(['fail', 'wait'] as const),
    deadlineMs: Math.round(random.magnitude(1_000, 60_000)),
    ...(random.chance(0.3) ? { passOutputs: true } : {}),
  };
}

function drawPolicy(random: SimRandom): OnWorkerLost {
  const policy = random.pick(['retry', 'wait', 'fail', 'ask'] as const);
  if (policy !== 'wait') return { policy };
  return { policy, returnLimitMs: Math.round(random.magnitude(100, 30_000)) };
}

function drawRetry(random: SimRandom, attemptsMax: number): RetryPolicy {
  const delayMs = random.pick([0, 50, 1_000]);
  const attempts = random.integer(1, attemptsMax);
  return { attempts, delayMs, backoff: 2, delayMaxMs: 5_000, jitter: random.pick([0, 0.5]) };
}

function drawWorkerSettings(random: SimRandom, roughness: Roughness): WorkerSettings {
  if (random.chance(0.2)) return { type: 'wait', durationMs: drawDuration(random, roughness) };
  return { type: 'script', steps: Array.from({ length: random.integer(1, 3) }, () => drawStep(random, roughness)) };
}

function drawStep(random: SimRandom, roughness: Roughness): ScriptStep {
  const afterMs = drawDuration(random, roughness);
  if (random.chance(roughness.crashRate)) return { result: 'crashWorker', afterMs, outputs: {} };
  if (random.chance(roughness.failRate)) return { result: 'fail', afterMs, outputs: {} };
  return {
    result: 'succeed',
    afterMs,
    outputs: random.chance(0.3) ? { n: random.integer(0, 99), deep: [{ a: null }] } : {},
  };
}

function drawDuration(random: SimRandom, { longestMs }: Roughness): number {
  if (random.chance(0.3)) return 0;
  return Math.round(random.chance(0.3) ? random.between(longestMs / 2, longestMs) : random.magnitude(1, longestMs));
}
