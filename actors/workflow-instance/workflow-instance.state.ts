/** The state of one run as plain JSON. It refers to its definition by name, version and digest; the plan stands beside it. */
import type {
  DefinitionReference,
  Priority,
  WorkflowDefinition,
} from '../../schemas/definition/workflow.definition.ts';
import type { ParentRun } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, MasterId, SubmissionKey, TaskName } from '../../schemas/ids.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { Plan } from '../graph/plan.ts';
import { type PersistentVector, vectorOf } from '../kit/persistent-vector.ts';
import { noTasks, type TaskState, type TaskStatus, waitingTask } from '../task-instance/task-instance.state.ts';

export const workflowInstanceStatuses = [
  'submitted',
  'queued',
  'active',
  'pausing',
  'paused',
  'stopping',
  'ending',
  'succeeded',
  'failed',
  'stopped',
] as const;

export type WorkflowInstanceStatus = (typeof workflowInstanceStatuses)[number];

/** It may be opened again, but until then nothing is owed. */
export const isEnded = (status: WorkflowInstanceStatus): boolean =>
  status === 'succeeded' || status === 'failed' || status === 'stopped';

/** Who asked for something, under which key, and why. */
export type Asked = { key: string; by: string; reason: string | null };

type Owner = { master: MasterId; incarnation: Incarnation; host: string; claimRevision: number };

export type WorkflowInstanceContext = {
  /** Events folded so far: the revision of the last one plus one. */
  eventCount: number;
  definition: DefinitionReference | null;
  /** The version that the run was moved to, if it was; null: the one that it was submitted with. */
  movedTo: WorkflowDefinition | null;
  key: SubmissionKey | null;
  params: JsonRecord;
  submittedAt: number | null;
  /** The time that the run is about; null: `submittedAt`. */
  logicalAt: number | null;
  /** Parameters that the submission gave itself; null: not known, as in histories from before it was noted. */
  given: readonly string[] | null;
  /** The task of another run that started this one. */
  parent: ParentRun | null;
  /** Grows by one with each owner (I1). */
  epoch: number;
  owner: Owner | null;
  /** By task number of the plan. */
  tasks: PersistentVector<TaskState>;
  counts: Readonly<Record<TaskStatus, number>>;
  /** Items of maps that are at a worker, or may be. */
  liveItemCount: number;
  /** The first 20 tasks that failed for good, in the order in which they did. */
  failedTasks: readonly TaskName[];
  /** Failed or stopped tasks whose end a conditions task looks at: they do not make the run fail. */
  handledCount: number;
  stop: Asked | null;
  pause: Asked | null;
  /** How often it was opened again. */
  round: number;
  dryRun: boolean;
  /** In place of the priorities of all tasks. */
  priority: Priority | null;
  /** When the run takes too long. */
  timeoutAt: number | null;
  timedOut: 'warn' | 'fail' | null;
  isolated: readonly (Asked & { task: TaskName })[];
  /** Payloads that no task has taken yet, by name, oldest first. */
  signals: Readonly<Record<string, readonly JsonValue[]>>;
  /** Keys of the newest commands: a repeated one was done already. */
  commandKeys: readonly string[];
  finishedAt: number | null;
};

/** More commands than this later, a repeated key counts as new. */
export const commandKeysKept = 100;

export function initialContext(plan: Plan): WorkflowInstanceContext {
  const counts = { ...noTasks, waiting: plan.tasks.length };
  return {
    eventCount: 0,
    definition: null,
    movedTo: null,
    key: null,
    params: {},
    submittedAt: null,
    logicalAt: null,
    given: null,
    parent: null,
    epoch: 0,
    owner: null,
    tasks: vectorOf(
      plan.tasks.map((task) => waitingTask(task.definition.name, task.needs.length, task.definition.enabled)),
    ),
    counts,
    liveItemCount: 0,
    failedTasks: [],
    handledCount: 0,
    stop: null,
    pause: null,
    round: 0,
    dryRun: false,
    priority: null,
    timeoutAt: null,
    timedOut: null,
    isolated: [],
    signals: {},
    commandKeys: [],
    finishedAt: null,
  };
}

/** Nothing waits, runs or is to be tried again. */
export function isComplete({ counts, tasks }: WorkflowInstanceContext): boolean {
  const { succeeded, failed, stopped, blocked, skipped } = counts;
  return succeeded + failed + stopped + blocked + skipped === tasks.length;
}

export type Outcome = 'succeeded' | 'failed' | 'stopped';

/**
 * The end that the states of the tasks lead to. A stop that came too late to stop anything changes no outcome (I9). What
 * is blocked has a cause among the failed and stopped ones.
 */
export function outcomeOf(status: WorkflowInstanceStatus, context: WorkflowInstanceContext): Outcome {
  const { counts, handledCount, timedOut } = context;
  if (timedOut === 'fail') return 'failed';
  if (status === 'stopping' && counts.stopped > 0) return 'stopped';
  return counts.failed + counts.stopped > handledCount ? 'failed' : 'succeeded';
}

const liveStatuses: readonly TaskStatus[] = ['assigned', 'accepted', 'running', 'absent', 'cancelling'];

/** An attempt is at a worker, or may be. */
export const isLive = (status: TaskStatus): boolean => liveStatuses.includes(status);

/** Attempts that are at a worker, or may be. */
export function liveCount({ counts, liveItemCount }: WorkflowInstanceContext): number {
  return counts.assigned + counts.accepted + counts.running + counts.absent + counts.cancelling + liveItemCount;
}
