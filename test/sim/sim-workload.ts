/** What users do in one simulated run: workflows of many shapes, submissions, repetitions, stops, questions, and nonsense. */
import type { ScriptStep, TaskSettings } from '../../schemas/definition/task-settings.ts';
import {
  type OnWorkerLost,
  priorities,
  type RetryPolicy,
  type TaskDefinition,
  type WorkflowDefinition,
} from '../../schemas/definition/workflow.definition.ts';
import type { TaskName, WorkerGroup, WorkflowName } from '../../schemas/ids.ts';
import type { SimRandom } from './sim-random.ts';

export type Submission = {
  workflow: WorkflowName;
  key: string;
  amount: number;
  atMs: number;
  /** The same submission again: at once from elsewhere, or later. */
  repeatAtMs: number[];
  stopAtMs: number | undefined;
  askAtMs: number[];
};

export type BadRequest = { workflow: string; body: unknown; atMs: number };

export type Workload = {
  /** Versions of workflows, in the order of their registration. */
  definitions: WorkflowDefinition[];
  submissions: Submission[];
  badRequests: BadRequest[];
};

/** How rough the tasks of a seed are. */
export type Roughness = { failRate: number; crashRate: number; timeoutRate: number; longestMs: number };

/** Attempts with this variable count as having outside effects: they start only when they are noted. */
export const outsideVariable = 'SIM_OUTSIDE';

export function drawWorkload(random: SimRandom, groups: readonly string[], chaosMs: number): Workload {
  const roughness: Roughness = {
    failRate: random.pick([0, 0, 0.1, 0.3]),
    crashRate: random.pick([0, 0, 0, 0.03]),
    timeoutRate: random.pick([0, 0.2, 0.5]),
    longestMs: random.pick([random.magnitude(200, 5_000), random.between(5_000, 40_000)]),
  };
  const names = Array.from({ length: random.integer(1, 3) }, (_, index) => `flow${index}` as WorkflowName);
  const definitions = names.flatMap((name) => {
    const versions = random.chance(0.15) ? 2 : 1;
    return Array.from({ length: versions }, () => drawDefinition(random, { name, groups, roughness }));
  });
  const count = random.integer(2, 10);
  const submissions = Array.from({ length: count }, (_, index) =>
    drawSubmission(random, { workflow: random.pick(names), key: `key ${index}`, chaosMs }),
  );
  const badRequests = Array.from({ length: random.integer(0, 3) }, () => drawBadRequest(random, names, chaosMs));
  return { definitions, submissions, badRequests };
}

/** Time that all runs take when one attempt runs at a time, and each task needs all of its attempts. */
export function longestWorkMs({ definitions, submissions }: Workload): number {
  const perRun = Math.max(...definitions.map(({ tasks }) => tasks.reduce((sum, task) => sum + longestTaskMs(task), 0)));
  return perRun * submissions.length;
}

function longestTaskMs({ settings, retry }: TaskDefinition): number {
  const durations = settings.type === 'script' ? settings.steps.map(({ afterMs }) => afterMs) : [];
  if (settings.type === 'wait') durations.push(settings.durationMs ?? 0);
  return retry.attempts * (Math.max(0, ...durations) + retry.delayMaxMs);
}

function drawSubmission(
  random: SimRandom,
  { workflow, key, chaosMs }: { workflow: WorkflowName; key: string; chaosMs: number },
): Submission {
  const atMs = random.between(0, chaosMs * 0.8);
  const repeatAtMs: number[] = [];
  if (random.chance(0.3)) repeatAtMs.push(atMs + random.pick([0, 5, 500]));
  if (random.chance(0.3)) repeatAtMs.push(atMs + random.between(0, chaosMs));
  const stopAtMs = random.chance(0.15) ? random.magnitude(1, chaosMs / 2) : undefined;
  const askAtMs = Array.from({ length: random.integer(0, 2) }, () => random.between(0, chaosMs / 2));
  return { workflow, key, amount: random.integer(1, 9), atMs, repeatAtMs, stopAtMs, askAtMs };
}

function drawBadRequest(random: SimRandom, names: readonly string[], chaosMs: number): BadRequest {
  const atMs = random.between(0, chaosMs);
  const workflow = random.pick(names);
  return random.pick<BadRequest>([
    { workflow: 'nowhere', body: { key: 'bad 1' }, atMs },
    { workflow, body: { key: 'bad 2', params: { colour: 'red' } }, atMs },
    { workflow, body: { key: 'bad 3', params: {} }, atMs },
    { workflow, body: { key: '', params: { must: 1 } }, atMs },
    { workflow, body: { key: 'bad 4', extra: true }, atMs },
    { workflow, body: [1, 2, 3], atMs },
    { workflow, body: { key: 'bad 5', params: { must: 1 }, version: 99 }, atMs },
  ]);
}

type DefinitionScope = { name: WorkflowName; groups: readonly string[]; roughness: Roughness };

function drawDefinition(random: SimRandom, scope: DefinitionScope): WorkflowDefinition {
  const needs = drawShape(random);
  return {
    name: scope.name,
    params: { size: 1, must: null },
    failurePolicy: random.pick(['continue', 'end'] as const),
    tasks: needs.map((needed, index) => drawTask(random, scope, { index, needed })),
  };
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

function drawTask(
  random: SimRandom,
  { groups, roughness }: DefinitionScope,
  { index, needed }: { index: number; needed: readonly number[] },
): TaskDefinition {
  const timeoutMs = random.chance(roughness.timeoutRate) ? Math.round(random.magnitude(50, 5_000)) : undefined;
  return {
    name: nameOf(index),
    needs: needed.map(nameOf),
    settings: drawSettings(random, roughness),
    retry: drawRetry(random),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    workerGroup: random.pick(groups) as WorkerGroup,
    priority: random.pick(priorities),
    env: random.chance(0.3) ? { [outsideVariable]: '1' } : {},
    ...(random.chance(0.5) ? { onWorkerLost: drawPolicy(random) } : {}),
  };
}

function drawPolicy(random: SimRandom): OnWorkerLost {
  const policy = random.pick(['retry', 'wait', 'fail', 'ask'] as const);
  if (policy !== 'wait') return { policy };
  return { policy, returnLimitMs: Math.round(random.magnitude(100, 30_000)) };
}

function drawRetry(random: SimRandom): RetryPolicy {
  const delayMs = random.pick([0, 50, 1_000]);
  return { attempts: random.integer(1, 3), delayMs, backoff: 2, delayMaxMs: 5_000, jitter: random.pick([0, 0.5]) };
}

function drawSettings(random: SimRandom, roughness: Roughness): TaskSettings {
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
