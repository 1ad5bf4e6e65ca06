/** The state of one task as plain JSON, and the events that change it. */
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type {
  Awaited,
  Fault,
  HoldReason,
  ResultSource,
  WorkflowInstanceEvent,
} from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, CacheKey, Incarnation, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { PersistentVector } from '../kit/persistent-vector.ts';
import type { Tended } from './tended.state.ts';

export const taskStatuses = [
  'waiting',
  'ready',
  'delayed',
  'assigned',
  'accepted',
  'running',
  'awaiting',
  'expanded',
  'absent',
  'cancelling',
  'backingOff',
  'succeeded',
  'failed',
  'stopped',
  'blocked',
  'skipped',
] as const;

export type TaskStatus = (typeof taskStatuses)[number];

const endStatuses: readonly TaskStatus[] = ['succeeded', 'failed', 'stopped', 'blocked', 'skipped'];

export const hasEnded = (status: TaskStatus): boolean => endStatuses.includes(status);

/** Tasks by status, before there are any. */
export const noTasks = Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<TaskStatus, number>;

/** Where an attempt is, or is to be. */
export type AttemptPlace = { attemptId: AttemptId; worker: WorkerId; workerIncarnation: Incarnation };

export const timerIds = {
  timeout: (attemptId: AttemptId) => `timeout.${attemptId}`,
  retry: (task: TaskName, failures: number) => `retry.${task}.${failures}`,
  /** `since` tells one absence of the worker from the next. */
  workerReturn: (attemptId: AttemptId, since: number) => `return.${attemptId}.${since}`,
  delay: (task: TaskName, round: number) => `delay.${task}.${round}`,
  queue: (task: TaskName, since: number) => `queue.${task}.${since}`,
  awaited: (attemptId: AttemptId) => `await.${attemptId}`,
  applications: (attemptId: AttemptId, dueAt: number) => `applications.${attemptId}.${dueAt}`,
} as const;

/** Since when the worker of the current attempt is absent, and why; `dueAt` is null where a person is asked. */
type Absence = { since: number; dueAt: number | null; reason: Fault };

/** What the task waits for that no worker runs. */
export type Awaiting = { attemptId: AttemptId; since: number; dueAt: number | null; awaits: Awaited };

/** The items of a map, which are tasks of the run. They outlive the end of the map, until its state is cleared. */
export type Expansion = {
  attemptId: AttemptId;
  dueAt: number | null;
  /** The product of these is what the items are about; the last one changes fastest. */
  over: readonly { name: string; values: readonly JsonValue[] }[];
  items: PersistentVector<TaskState>;
  counts: Readonly<Record<TaskStatus, number>>;
  /** No item before this one waits for its turn. */
  next: number;
  /** Failed and stopped items when the map was expanded last: they do not make it fail again before the others ran. */
  failedBefore: number;
};

export function haveItemsEnded({ counts, items }: Pick<Expansion, 'counts' | 'items'>): boolean {
  const { succeeded, failed, stopped, blocked, skipped } = counts;
  return succeeded + failed + stopped + blocked + skipped === items.length;
}

/** An application on a cluster, and the attempt that has started it. */
export type KnownApplication = { attemptId: AttemptId } & FoundApplication;

/** Why a task does not run although nothing failed. */
export type SkipReason =
  | { why: 'branch' | 'disabled' | 'notSelected' }
  | { why: 'person'; key: string; by: string; reason: string | null };

/** Who asked for the task alone to be stopped. */
type TaskStop = { key: string; by: string; reason: string | null };

export type TaskContext = {
  task: TaskName;
  /** Needs that have not ended. */
  unmetNeeds: number;
  /** Needs that let the task run. */
  metNeeds: number;
  /** Set when it is passed over as soon as it could run. */
  passOver: 'disabled' | 'notSelected' | null;
  /** How often its state was cleared to run anew. */
  round: number;
  /** Attempts so far, lost ones included. */
  attempt: number;
  failures: number;
  losses: number;
  /** Offers that a worker refused for a reason that will not pass. */
  refusals: number;
  current: AttemptPlace | null;
  /** The newest attempt, also after it ended: where its log is. */
  last: AttemptPlace | null;
  /** What its attempts have started on clusters, earlier attempts too, oldest first. */
  applications: readonly KnownApplication[];
  startedAt: number | null;
  finishedAt: number | null;
  timeoutAt: number | null;
  /** When the next attempt follows, while backing off or delayed. */
  dueAt: number | null;
  /** The delay before the first attempt is over. */
  isDelayOver: boolean;
  /** Since when it waits for a worker, and until when it may. */
  queue: { since: number; dueAt: number; hasWarned: boolean } | null;
  held: HoldReason | null;
  absence: Absence | null;
  awaiting: Awaiting | null;
  /** What the owner of the run sees to at clusters, for the current attempt. Absent: nothing. */
  tended?: Tended | undefined;
  expansion: Expansion | null;
  /** The newest child run, also after it ended. */
  child: InstanceId | null;
  /** Key of the last command by which a person decided on a loss. */
  resolvedBy: string | null;
  fault: Fault | null;
  outputs: JsonRecord | null;
  /** Under which other runs will find the result of the newest attempt. */
  cacheKey: CacheKey | null;
  /** The earlier run whose result was taken. */
  cached: ResultSource | null;
  /** The dependants that the way taken names. */
  branch: { choice: string; next: readonly TaskName[] } | null;
  skip: SkipReason | null;
  stop: TaskStop | null;
  /** A person declared its success. */
  forcedBy: { key: string; by: string; reason: string | null } | null;
  cancelReason: 'stop' | 'timeout' | null;
  /** Isolated tasks that this one needs, itself included. */
  isolations: number;
  priority: Priority | null;
};

export type TaskState = { status: TaskStatus; context: TaskContext };

/** Journaled events of a task. */
export type TaskEvent = Extract<WorkflowInstanceEvent, { type: `Task${string}` | `Application${string}` }>;

export const isTaskEvent = (event: WorkflowInstanceEvent): event is TaskEvent =>
  event.type.startsWith('Task') || event.type.startsWith('Application');

/** Journaled events of the task, and what follows for it from events of others. */
export type TaskMachineEvent =
  | TaskEvent
  /** Something that it needs has ended: it may run, it is not on the way taken, or it must not run. */
  | { type: 'NeedMet' }
  | { type: 'NeedDead' }
  | { type: 'NeedFailed' }
  | { type: 'StopAsked' }
  /** `keepsItems`: of a map; those of its items that are to run again are cleared by themselves. */
  | { type: 'Cleared'; needCount: number; isChosen: boolean; keepsItems?: boolean }
  /** Something became of the items of a map. */
  | { type: 'ItemsChanged'; expansion: Expansion }
  | { type: 'PassedOver' }
  | { type: 'Isolated' }
  | { type: 'Rejoined' }
  | { type: 'Prioritised'; priority: Priority };

export function waitingTask(task: TaskName, needCount: number, isEnabled = true): TaskState {
  return {
    status: 'waiting',
    context: {
      task,
      unmetNeeds: needCount,
      metNeeds: 0,
      passOver: isEnabled ? null : 'disabled',
      round: 0,
      attempt: 0,
      failures: 0,
      losses: 0,
      refusals: 0,
      current: null,
      last: null,
      applications: [],
      startedAt: null,
      finishedAt: null,
      timeoutAt: null,
      dueAt: null,
      isDelayOver: false,
      queue: null,
      held: null,
      absence: null,
      awaiting: null,
      expansion: null,
      child: null,
      resolvedBy: null,
      fault: null,
      outputs: null,
      cacheKey: null,
      cached: null,
      branch: null,
      skip: null,
      stop: null,
      forcedBy: null,
      cancelReason: null,
      isolations: 0,
      priority: null,
    },
  };
}
