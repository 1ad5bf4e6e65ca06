/**
 * I4, event by event: an attempt id is assigned once, a task has one live attempt at a time and one result that counts,
 * and nothing is recorded of an attempt that is not live.
 */
import type {
  Fault,
  PlacementReason,
  WorkflowInstanceEvent,
  WorkflowInstanceEventOf,
} from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, Incarnation, TaskName, WorkerId } from '../../schemas/ids.ts';
import { type Moment, momentOf, type ReadEvent, type Report } from './history-event.ts';

/** Why something became of an attempt, where the event says it. */
type AttemptMoment = Moment & { reason?: Fault };

/** What became of one attempt, in order, its assignment first. */
export type AttemptRecord = {
  attemptId: AttemptId;
  task: TaskName;
  attempt: number;
  worker: WorkerId;
  workerIncarnation: Incarnation;
  why: PlacementReason;
  life: AttemptMoment[];
};

type AttemptEvent = Extract<WorkflowInstanceEvent, { data: { attemptId: AttemptId } }>;
type TaskRecord = { live: AttemptRecord | undefined; attemptCount: number; result: Moment | undefined };

const endings: readonly string[] = ['TaskSucceeded', 'TaskFailed', 'TaskLost', 'TaskStopped', 'TaskRejected'];

export class AttemptRules {
  readonly records: AttemptRecord[] = [];
  readonly #report: Report;
  readonly #attempts = new Map<AttemptId, AttemptRecord>();
  readonly #tasks = new Map<TaskName, TaskRecord>();

  constructor(report: Report) {
    this.#report = report;
  }

  take(read: ReadEvent): void {
    const { event } = read;
    if (event.type === 'TaskAssigned') this.#assign(event.data, momentOf(read));
    else if (isAttemptEvent(event)) this.#live(event, momentOf(read));
  }

  #assign(data: WorkflowInstanceEventOf<'TaskAssigned'>['data'], moment: Moment): void {
    const { task, attemptId, attempt, worker, workerIncarnation, why } = data;
    const { revision } = moment;
    const record: AttemptRecord = { attemptId, task, attempt, worker, workerIncarnation, why, life: [moment] };
    const state = this.#taskOf(task);
    const former = this.#attempts.get(attemptId);
    if (former !== undefined) {
      this.#report('I4', revision, `the attempt ${attemptId} of ${task} was assigned before, to ${former.task}`);
    }
    if (state.live !== undefined) {
      this.#report('I4', revision, `${task} gets the attempt ${attemptId} while ${state.live.attemptId} is live`);
    }
    if (state.result !== undefined) {
      this.#report(
        'I4',
        revision,
        `${task} gets the attempt ${attemptId} after its result at ${state.result.revision}`,
      );
    }
    if (attempt !== state.attemptCount + 1) {
      this.#report('I4', revision, `${task} gets attempt ${attempt}, expected ${state.attemptCount + 1}`);
    }
    state.live = record;
    state.attemptCount = attempt;
    this.#attempts.set(attemptId, record);
    this.records.push(record);
  }

  #live(event: AttemptEvent, moment: Moment): void {
    const { task, attemptId } = event.data;
    const { revision } = moment;
    const state = this.#taskOf(task);
    const reason = reasonOf(event);
    this.#attempts.get(attemptId)?.life.push(reason === undefined ? moment : { ...moment, reason });
    if (state.live?.attemptId !== attemptId) {
      this.#report('I4', revision, `${event.type} of the attempt ${attemptId} of ${task}, which is not live`);
    }
    if (isResult(event) && state.result !== undefined) {
      this.#report('I4', revision, `${task} gets a second result; its first stands at ${state.result.revision}`);
    }
    if (isResult(event)) state.result ??= moment;
    if (endings.includes(event.type)) state.live = undefined;
  }

  #taskOf(task: TaskName): TaskRecord {
    const known = this.#tasks.get(task);
    if (known !== undefined) return known;
    const record: TaskRecord = { live: undefined, attemptCount: 0, result: undefined };
    this.#tasks.set(task, record);
    return record;
  }
}

function isAttemptEvent(event: WorkflowInstanceEvent): event is AttemptEvent {
  return 'attemptId' in event.data;
}

function reasonOf(event: AttemptEvent): Fault | undefined {
  if (event.type === 'TaskFailed') return event.data.fault;
  const hasReason = event.type === 'TaskLost' || event.type === 'TaskRejected' || event.type === 'TaskWorkerAbsent';
  return hasReason ? event.data.reason : undefined;
}

/** A result that counts: after it the task gets no further attempt. */
function isResult(event: AttemptEvent): boolean {
  if (event.type === 'TaskFailed') return event.data.retry === undefined;
  if (event.type === 'TaskLost') return event.data.givenUp;
  return event.type === 'TaskSucceeded' || event.type === 'TaskStopped';
}
