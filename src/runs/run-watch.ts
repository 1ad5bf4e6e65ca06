/**
 * Tells when runs end and workflows have news, from the life-cycle events that the projection reads of all runs. Nothing is
 * asked again and again: who watches is called.
 *
 * W1 No wake-up is lost: a watch is registered before the stream is read, so that an end is either in what was read or comes
 *    with the projection later.
 * W2 An end that was taken back (the run was opened again before the watch began) wakes nobody, however late the projection is.
 * W3 A watch ends by its first call or by `stop`; then nothing is kept of it.
 */
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName, WorkflowName } from '../../schemas/ids.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import { decodeInstanceEvent, instanceStream } from '../journal/codec.ts';
import type { Journal, RecordedEvent } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { RunChange, RunIndex } from './run-index.port.ts';

export type Watch = { stop(): void };

export type RunEnd = {
  status: 'succeeded' | 'failed' | 'stopped';
  finishedAt: number;
  /** Up to 20 of the tasks that failed. */
  failedTasks: readonly TaskName[];
};

export type RunWatchOptions = { journal: Journal; index: Pick<RunIndex, 'get'>; clock: Clock; log: Log };

type EndWatch = {
  instance: InstanceId;
  callback: (end: RunEnd) => void;
  /** The end of this revision or a later one counts; undefined until the stream was read. */
  from: number | undefined;
  /** What the projection told while the stream was being read. */
  heard: { revision: number; end: RunEnd } | undefined;
  timer: Timer | undefined;
};

const retryDelayMs = 500;
const ownersExpectedMax = 4;

export class RunWatch {
  readonly #options: RunWatchOptions;
  readonly #ends = new Map<InstanceId, Set<EndWatch>>();
  readonly #workflows = new Map<WorkflowName, Set<() => void>>();

  constructor(options: RunWatchOptions) {
    this.#options = options;
  }

  /** Watches that have not ended. */
  get count(): number {
    return countOf(this.#ends) + countOf(this.#workflows);
  }

  /** Calls back once, when the run has ended: now or long ago. Never before this call returns. */
  watchRun(instance: InstanceId, callback: (end: RunEnd) => void): Watch {
    const watch: EndWatch = { instance, callback, from: undefined, heard: undefined, timer: undefined };
    addTo(this.#ends, instance, watch);
    void this.#lookBack(watch);
    return { stop: () => this.#forget(watch) };
  }

  /**
   * Calls back whenever runs of the workflow have begun or ended, after the index shows it. What happened before is in the
   * index already: ask it after this call.
   */
  watchWorkflow(workflow: WorkflowName, callback: () => void): Watch {
    const call = () => callback(); // A callback that is given twice is two watches.
    addTo(this.#workflows, workflow, call);
    return { stop: () => removeFrom(this.#workflows, workflow, call) };
  }

  /** For the projection: a life-cycle event was read. */
  heard(instance: InstanceId, revision: number, event: WorkflowInstanceEvent): void {
    const watches = this.#ends.get(instance);
    if (watches === undefined) return;
    const end = endOf(event);
    if (end === undefined) return;
    for (const watch of [...watches]) {
      if (watch.from === undefined) watch.heard = { revision, end };
      else if (revision >= watch.from) this.#call(watch, end);
    }
  }

  /** For the projection: the index shows these changes. */
  applied(changes: readonly RunChange[]): void {
    if (this.#workflows.size === 0) return;
    const changed = new Set<WorkflowName>();
    for (const change of changes) {
      if (change.kind === 'resultKept') continue;
      const run = change.kind === 'submitted' ? change.run : this.#options.index.get(change.instance);
      if (run !== undefined) changed.add(run.workflow);
    }
    for (const workflow of changed) for (const call of [...(this.#workflows.get(workflow) ?? [])]) call();
  }

  /** Forgets all watches. */
  stop(): void {
    for (const watches of this.#ends.values()) for (const watch of watches) watch.timer?.cancel();
    this.#ends.clear();
    this.#workflows.clear();
  }

  /** W1, W2: the last event of the stream tells whether the run has ended; who took it over after that does not matter. */
  async #lookBack(watch: EndWatch): Promise<void> {
    const { clock, log } = this.#options;
    const { instance } = watch;
    try {
      const last = await this.#lastOf(instance);
      const end = last === undefined ? undefined : endOf(decodeInstanceEvent(last));
      if (end !== undefined) return this.#call(watch, end);
      const from = last?.revision ?? 0;
      watch.from = from;
      if (watch.heard !== undefined && watch.heard.revision >= from) this.#call(watch, watch.heard.end);
      watch.heard = undefined;
    } catch (fault) {
      if (!this.#isKept(watch)) return;
      log.warn({ instanceId: instance, fault }, 'the end of a run cannot be read now; trying again');
      watch.timer = clock.after(retryDelayMs, () => void this.#lookBack(watch));
    }
  }

  async #lastOf(instance: InstanceId): Promise<RecordedEvent | undefined> {
    const { journal } = this.#options;
    const backwards = { direction: 'backwards' } as const;
    // The few at the end are enough, unless owners came and went there.
    for (const options of [{ ...backwards, limit: ownersExpectedMax }, backwards]) {
      for await (const event of journal.read(instanceStream(instance), options)) {
        if (event.type !== 'OwnershipTaken') return event;
      }
    }
    return undefined;
  }

  #call(watch: EndWatch, end: RunEnd): void {
    if (!this.#isKept(watch)) return;
    this.#forget(watch);
    watch.callback(end);
  }

  #isKept(watch: EndWatch): boolean {
    return this.#ends.get(watch.instance)?.has(watch) === true;
  }

  #forget(watch: EndWatch): void {
    watch.timer?.cancel();
    removeFrom(this.#ends, watch.instance, watch);
  }
}

function endOf(event: WorkflowInstanceEvent): RunEnd | undefined {
  switch (event.type) {
    case 'WorkflowSucceeded':
      return { status: 'succeeded', finishedAt: event.data.finishedAt, failedTasks: [] };
    case 'WorkflowFailed':
      return { status: 'failed', finishedAt: event.data.finishedAt, failedTasks: event.data.failedTasks };
    case 'WorkflowStopped':
      return { status: 'stopped', finishedAt: event.data.finishedAt, failedTasks: [] };
    default:
      return undefined;
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  if (known === undefined) sets.set(key, new Set([value]));
  else known.add(value);
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  known?.delete(value);
  if (known?.size === 0) sets.delete(key);
}

function countOf<K, V>(sets: Map<K, Set<V>>): number {
  let count = 0;
  for (const set of sets.values()) count += set.size;
  return count;
}
