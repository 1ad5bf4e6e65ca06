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
import { definedNameOf, itemIn } from '../map/item-name.ts';
import { type Moment, momentOf, type ReadEvent, type Report } from './history-event.ts';

/** Why something became of an attempt, where the event says it. */
type AttemptMoment = Moment & { reason?: Fault };

/** What became of one attempt, in order, its assignment first. */
export type AttemptRecord = {
  attemptId: AttemptId;
  task: TaskName;
  attempt: number;
  /** Absent, with what follows from it, where no worker was needed. */
  worker?: WorkerId;
  workerIncarnation?: Incarnation;
  why?: PlacementReason;
  life: AttemptMoment[];
};

type AttemptEvent = Extract<WorkflowInstanceEvent, { data: { attemptId: AttemptId } }>;
type TaskRecord = {
  live: AttemptRecord | undefined;
  attemptCount: number;
  result: Moment | undefined;
  wasCleared: boolean;
};

const endings: readonly string[] = [
  'TaskSucceeded',
  'TaskFailed',
  'TaskLost',
  'TaskStopped',
  'TaskRejected',
  'TaskConcluded',
  'TaskCollected',
];

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
    else if (event.type === 'TaskAwaits') this.#await(event.data, momentOf(read));
    else if (event.type === 'TaskExpanded') this.#expand(event.data, momentOf(read));
    else if (event.type === 'TaskSkipped' || event.type === 'TaskForced') this.#redress(event.data.task);
    else if (event.type === 'StateCleared') this.#forget(event.data);
    else if (event.type === 'ApplicationFound') this.#find(event.data, momentOf(read));
    else if (isAttemptEvent(event)) this.#live(event, momentOf(read));
  }

  /** What is to run again has no result any more. */
  #forget({ scope, tasks }: WorkflowInstanceEventOf<'StateCleared'>['data']): void {
    const named = new Set(tasks);
    // A map and its items run again together, in whole or in part.
    for (const task of tasks ?? []) named.add(definedNameOf(task));
    for (const [task, record] of this.#tasks) {
      if (scope === 'tasks' && !named.has(task) && !named.has(definedNameOf(task))) continue;
      record.result = undefined;
      record.wasCleared = true;
    }
  }

  /** What a person makes of an item lets its map end anew. */
  #redress(task: TaskName): void {
    const map = definedNameOf(task);
    if (map !== task) this.#taskOf(map).result = undefined;
  }

  /** Items of new lists are new tasks, whatever their numbers were before. */
  #expand({ task, attemptId, attempt, over }: WorkflowInstanceEventOf<'TaskExpanded'>['data'], moment: Moment): void {
    this.#begin({ attemptId, task, attempt, life: [moment] }, moment);
    if (over === undefined || attempt === 1) return;
    for (const name of this.#tasks.keys()) if (itemIn(name)?.map === task) this.#tasks.delete(name);
  }

  #assign(data: WorkflowInstanceEventOf<'TaskAssigned'>['data'], moment: Moment): void {
    const { task, attemptId, attempt, worker, workerIncarnation, why } = data;
    this.#begin({ attemptId, task, attempt, worker, workerIncarnation, why, life: [moment] }, moment);
  }

  #await({ task, attemptId, attempt }: WorkflowInstanceEventOf<'TaskAwaits'>['data'], moment: Moment): void {
    this.#begin({ attemptId, task, attempt, life: [moment] }, moment);
  }

  #begin(record: AttemptRecord, { revision }: Moment): void {
    const { task, attemptId, attempt } = record;
    const state = this.#taskOf(task);
    const former = this.#attempts.get(attemptId);
    if (former !== undefined) {
      this.#report('I4', revision, `the attempt ${attemptId} of ${task} was assigned before, to ${former.task}`);
    }
    // What was awaited without a worker is stopped without an event of its own, and runs again only when it was cleared.
    const isStopped = state.wasCleared && state.live?.worker === undefined;
    if (state.live !== undefined && !isStopped) {
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
    state.wasCleared = false;
    state.attemptCount = attempt;
    this.#attempts.set(attemptId, record);
    this.records.push(record);
  }

  /** Of an attempt that has ended too: what it has started lives on. */
  #find({ task, attemptId, id }: WorkflowInstanceEventOf<'ApplicationFound'>['data'], moment: Moment): void {
    const record = this.#attempts.get(attemptId);
    if (record?.task === task) record.life.push(moment);
    else this.#report('I4', moment.revision, `${id} of the attempt ${attemptId} of ${task}, which was not assigned`);
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
    const record: TaskRecord = { live: undefined, attemptCount: 0, result: undefined, wasCleared: false };
    this.#tasks.set(task, record);
    return record;
  }
}

function isAttemptEvent(event: WorkflowInstanceEvent): event is AttemptEvent {
  return 'attemptId' in event.data;
}

function reasonOf(event: AttemptEvent): Fault | undefined {
  if (event.type === 'TaskFailed' || event.type === 'TaskConcluded' || event.type === 'TaskCollected') {
    return event.data.fault;
  }
  const hasReason = event.type === 'TaskLost' || event.type === 'TaskRejected' || event.type === 'TaskWorkerAbsent';
  return hasReason ? event.data.reason : undefined;
}

/** A result that counts: after it the task gets no further attempt. */
function isResult(event: AttemptEvent): boolean {
  if (event.type === 'TaskFailed') return event.data.retry === undefined;
  if (event.type === 'TaskConcluded') return event.data.result !== 'failed' || event.data.retry === undefined;
  if (event.type === 'TaskLost') return event.data.givenUp;
  return event.type === 'TaskSucceeded' || event.type === 'TaskStopped' || event.type === 'TaskCollected';
}
