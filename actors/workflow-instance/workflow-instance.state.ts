/** The state of one run as plain JSON. It refers to its definition by name, version and digest; the plan stands beside it. */
import type { DefinitionReference } from '../../schemas/definition/workflow.definition.ts';
import type { Incarnation, MasterId, SubmissionKey, TaskName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { Plan } from '../graph/plan.ts';
import { type PersistentVector, vectorOf } from '../kit/persistent-vector.ts';
import { type TaskState, type TaskStatus, taskStatuses, waitingTask } from '../task-instance/task-instance.machine.ts';

export const workflowInstanceStatuses = [
  'submitted',
  'active',
  'stopping',
  'ending',
  'succeeded',
  'failed',
  'stopped',
] as const;

export type WorkflowInstanceStatus = (typeof workflowInstanceStatuses)[number];

type Owner = { master: MasterId; incarnation: Incarnation; host: string; claimRevision: number };

export type WorkflowInstanceContext = {
  /** Events folded so far: the revision of the last one plus one. */
  eventCount: number;
  definition: DefinitionReference | null;
  key: SubmissionKey | null;
  params: JsonRecord;
  submittedAt: number | null;
  /** Grows by one with each owner (I1). */
  epoch: number;
  owner: Owner | null;
  /** By task number of the plan. */
  tasks: PersistentVector<TaskState>;
  counts: Readonly<Record<TaskStatus, number>>;
  /** The first 20 tasks that failed for good, in the order in which they did. */
  failedTasks: readonly TaskName[];
  stop: { key: string; by: string; reason: string | null } | null;
  finishedAt: number | null;
};

export function initialContext(plan: Plan): WorkflowInstanceContext {
  const counts = Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<TaskStatus, number>;
  counts.waiting = plan.tasks.length;
  return {
    eventCount: 0,
    definition: null,
    key: null,
    params: {},
    submittedAt: null,
    epoch: 0,
    owner: null,
    tasks: vectorOf(plan.tasks.map((task) => waitingTask(task.definition.name, task.needs.length))),
    counts,
    failedTasks: [],
    stop: null,
    finishedAt: null,
  };
}

/** Nothing waits, runs or is to be tried again. */
export function isComplete({ counts, tasks }: WorkflowInstanceContext): boolean {
  return counts.succeeded + counts.failed + counts.stopped + counts.blocked === tasks.length;
}

export type Outcome = 'succeeded' | 'failed' | 'stopped';

/** The end that the states of the tasks lead to. A stop that came too late to stop anything changes no outcome (I9). */
export function outcomeOf(status: WorkflowInstanceStatus, { counts }: WorkflowInstanceContext): Outcome {
  if (status === 'stopping' && counts.stopped > 0) return 'stopped';
  return counts.failed + counts.blocked + counts.stopped > 0 ? 'failed' : 'succeeded';
}
