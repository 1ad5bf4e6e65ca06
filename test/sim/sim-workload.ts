/** What users do in one simulated run: workflows, submissions, repetitions, steering, questions, orders, and nonsense. */
import {
  priorities,
  type TaskDefinition,
  type WorkflowDefinition,
} from '../../schemas/definition/workflow.definition.ts';
import type { TaskName, WorkflowName } from '../../schemas/ids.ts';
import type { SubmitRequest } from '../../schemas/messages/client.messages.ts';
import { type ClusterAct, drawClusterActs, drawRunActs, type RunAct } from './sim-acts.ts';
import { drawDefinition, drawRoughness, drawVariation } from './sim-definitions.ts';
import type { SimRandom } from './sim-random.ts';

export type Submission = {
  workflow: WorkflowName;
  key: string;
  amount: number;
  /** What else the submission says: which tasks, in which order, really or dry, about which time. */
  wishes: Partial<Pick<SubmitRequest, 'start' | 'dryRun' | 'priority' | 'logicalAt' | 'version'>>;
  atMs: number;
  /** The same submission again: at once from elsewhere, or later. */
  repeatAtMs: number[];
  acts: RunAct[];
  askAtMs: number[];
};

export type BadRequest = { workflow: string; body: unknown; atMs: number };

export type Workload = {
  /** Versions of workflows, in the order of their registration. */
  definitions: WorkflowDefinition[];
  submissions: Submission[];
  clusterActs: ClusterAct[];
  /** Some task needs slots of a task group. */
  hasGroups: boolean;
  badRequests: BadRequest[];
};

type Scope = { names: readonly WorkflowName[]; groups: readonly string[]; chaosMs: number };

export function drawWorkload(random: SimRandom, groups: readonly string[], chaosMs: number): Workload {
  const roughness = drawRoughness(random);
  const names = Array.from({ length: random.integer(1, 3) }, (_, index) => `flow${index}` as WorkflowName);
  const definitions = names.flatMap((name, index) => {
    const below = names.slice(0, index);
    const first = drawDefinition(random, { name, below, groups, roughness });
    if (!random.chance(0.4)) return [first];
    const isAnother = random.chance(0.25);
    return [
      first,
      isAnother ? drawDefinition(random, { name, below, groups, roughness }) : drawVariation(random, first),
    ];
  });
  const scope = { names, groups, chaosMs };
  const isSteered = random.chance(0.5);
  return {
    definitions,
    submissions: Array.from({ length: drawSubmissionCount(random) }, (_, index) =>
      drawSubmission(random, scope, { key: `key ${index}`, isSteered }),
    ),
    clusterActs: drawClusterActs(random, scope),
    hasGroups: definitions.some(({ tasks }) => tasks.some(({ group }) => group !== undefined)),
    badRequests: Array.from({ length: random.integer(0, 3) }, () => drawBadRequest(random, names, chaosMs)),
  };
}

/** Mostly few: what fails does so among few runs as well, and more seeds fit into an hour. */
function drawSubmissionCount(random: SimRandom): number {
  return random.integer(2, random.pick([3, 5, 10]));
}

/** A child run takes as long as a run, and so does each time that a run is opened again. */
const runsPerSubmission = 6;

/** Time that all runs take when one attempt runs at a time, and each task needs all of its attempts. */
export function longestWorkMs({ definitions, submissions }: Workload): number {
  const perRun = Math.max(...definitions.map(({ tasks }) => tasks.reduce((sum, task) => sum + longestTaskMs(task), 0)));
  return perRun * submissions.length * runsPerSubmission;
}

function longestTaskMs({ settings, retry, delayMs = 0 }: TaskDefinition): number {
  const durations = settings.type === 'script' ? settings.steps.map(({ afterMs }) => afterMs) : [];
  if (settings.type === 'wait') durations.push(settings.durationMs ?? 0);
  if (settings.type === 'dependent') durations.push(settings.deadlineMs ?? 0);
  return delayMs + retry.attempts * (Math.max(0, ...durations) + retry.delayMaxMs);
}

/** Few enough for two runs of a workflow to have the same input, and each case of a switch is true for some. */
const amounts = [1, 1, 4, 6, 9];

function drawSubmission(
  random: SimRandom,
  { names, chaosMs }: Scope,
  { key, isSteered }: { key: string; isSteered: boolean },
): Submission {
  const workflow = random.pick(names);
  const atMs = random.between(0, chaosMs * 0.8);
  const repeatAtMs: number[] = [];
  if (random.chance(0.3)) repeatAtMs.push(atMs + random.pick([0, 5, 500]));
  if (random.chance(0.3)) repeatAtMs.push(atMs + random.between(0, chaosMs));
  const acts = drawRunActs(random, { isSteered, longestMs: chaosMs / 2 });
  const askAtMs = Array.from({ length: random.integer(0, 2) }, () => random.between(0, chaosMs / 2));
  const wishes = random.chance(0.3) ? drawWishes(random) : {};
  return { workflow, key, amount: random.pick(amounts), wishes, atMs, repeatAtMs, acts, askAtMs };
}

/** Every definition has a first task. */
function drawWishes(random: SimRandom): Submission['wishes'] {
  const mode = random.pick(['only', 'forward', 'backward'] as const);
  return {
    ...(random.chance(0.4) ? { start: { tasks: ['t0' as TaskName], mode } } : {}),
    ...(random.chance(0.4) ? { dryRun: true } : {}),
    ...(random.chance(0.4) ? { priority: random.pick(priorities) } : {}),
    ...(random.chance(0.2) ? { logicalAt: 1_750_000_000_000 - random.integer(0, 2) * 86_400_000 } : {}),
    ...(random.chance(0.2) ? { version: 1 } : {}),
  };
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
