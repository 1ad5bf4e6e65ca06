/**
 * I4, event by event: an attempt id is assigned once, a task has one live attempt at a time and one result that counts,
 * and nothing is recorded of an attempt that is not live.
 */
import type { WorkflowInstanceEvent, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import type { ReadEvent, Report } from './history-event.ts';

type AttemptMoment = { revision: number; type: WorkflowInstanceEvent['type'] };

/** What became of one attempt, in order, its assignment first. */
export type AttemptRecord = {
  attemptId: AttemptId;
  task: TaskName;
  attempt: number;
  worker: string;
  life: AttemptMoment[];
};

type AttemptEvent = Extract<WorkflowInstanceEvent, { data: { attemptId: AttemptId } }>;
type TaskRecord = { live: AttemptRecord | undefined; attemptCount: number; result: AttemptMoment | undefined };

const endings: readonly string[] = ['TaskSucceeded', 'TaskFailed', 'TaskLost', 'TaskStopped', 'TaskRejected'];

export class AttemptRules {
  readonly records: AttemptRecord[] = [];
  readonly #report: Report;
  readonly #attempts = new Map<AttemptId, AttemptRecord>();
  readonly #tasks = new Map<TaskName, TaskRecord>();

  constructor(report: Report) {
    this.#report = report;
  }

  take({ event, revision }: ReadEvent): void {
    if (event.type === 'TaskAssigned') this.#assign(event.data, revision);
    else if (isAttemptEvent(event)) this.#live(event, revision);
  }

  #assign(
    { task, attemptId, attempt, worker }: WorkflowInstanceEventOf<'TaskAssigned'>['data'],
    revision: number,
  ): void {
    const record: AttemptRecord = { attemptId, task, attempt, worker, life: [{ revision, type: 'TaskAssigned' }] };
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

  #live(event: AttemptEvent, revision: number): void {
    const { task, attemptId } = event.data;
    const state = this.#taskOf(task);
    const moment = { revision, type: event.type };
    this.#attempts.get(attemptId)?.life.push(moment);
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

/** A result that counts: after it the task gets no further attempt. */
function isResult(event: AttemptEvent): boolean {
  if (event.type === 'TaskFailed') return event.data.retry === undefined;
  if (event.type === 'TaskLost') return event.data.givenUp;
  return event.type === 'TaskSucceeded' || event.type === 'TaskStopped';
}
