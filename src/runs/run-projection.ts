/**
 * Feeds the run index from the journal: life-cycle events of all runs and the results that they keep, in order, at least once, with a stored place to go on
 * from. Writes are gathered for a moment, so that a burst of runs costs few transactions. Who takes a run over is told on.
 */
import { type WorkflowInstanceEvent, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, InstanceId } from '../../schemas/ids.ts';
import type { RunStatus } from '../../schemas/messages/client.messages.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import { decodeInstanceEvent, streamPrefixes } from '../journal/codec.ts';
import type { Journal, JournalPosition, RecordedEvent } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { RunChange, RunIndex } from './run-index.port.ts';
import type { RunWatch } from './run-watch.ts';

const gatherMs = 50;
const gatherLengthMax = 500;

export type RunProjectionOptions = {
  journal: Journal;
  index: RunIndex;
  clock: Clock;
  log: Log;
  /** Somebody has taken the run over, now or long ago. */
  onOwnershipTaken: (instance: InstanceId, taken: OwnershipTaken) => void;
  /** The same for an actor that is no run. */
  onActorTaken?: (stream: string, taken: OwnershipTaken) => void;
  /** The index shows these changes. */
  onApplied?: (changes: readonly RunChange[]) => void;
  /** Is told of every event when it was read, and of every change when the index shows it. */
  watch?: Pick<RunWatch, 'heard' | 'applied'>;
  /** Is told of every owner, of what the index shows from now on, and who had taken the runs that it shows. */
  owners?: {
    taken(instance: InstanceId, by: OwnershipTaken): void;
    applied(changes: readonly RunChange[]): void;
    listed(takers: Iterable<OwnershipTaken>): void;
  };
};

export type OwnershipTaken = Extract<WorkflowInstanceEvent, { type: 'OwnershipTaken' }>['data'];

export class RunProjection {
  readonly #options: RunProjectionOptions;
  readonly #abort = new AbortController();
  #pending: RunChange[] = [];
  /** Of the pending changes, one for each life of a master. */
  #takers = new Map<Incarnation, OwnershipTaken>();
  #position: JournalPosition | undefined;
  #timer: Timer | undefined;
  #markCurrent: () => void = () => {};
  readonly #current = new Promise<void>((resolve) => {
    this.#markCurrent = resolve;
  });

  constructor(options: RunProjectionOptions) {
    this.#options = options;
  }

  /** Resolves when all that existed at the start is in the index. */
  whenCurrent(): Promise<void> {
    return this.#current;
  }

  start(): void {
    void this.#follow().catch((fault) => this.#options.log.error({ fault }, 'run index cannot follow the journal'));
  }

  stop(): void {
    this.#abort.abort();
    this.#flush();
  }

  async #follow(): Promise<void> {
    const { journal, index } = this.#options;
    const after = index.position();
    const filter = { kind: 'eventTypePrefix', prefixes: ['Workflow', 'OwnershipTaken', 'ResultKept'] } as const;
    const signal = this.#abort.signal;
    for await (const item of journal.subscribeAll({ filter, signal, ...(after === undefined ? {} : { after }) })) {
      switch (item.kind) {
        case 'event':
          this.#take(item.event);
          break;
        case 'checkpoint':
          this.#note([], item.position);
          break;
        case 'caughtUp':
          this.#flush();
          this.#markCurrent();
      }
    }
  }

  #take(event: RecordedEvent): void {
    if (!event.stream.startsWith(streamPrefixes.workflowInstance)) {
      const taken = workflowInstanceEvents.OwnershipTaken.safeParse(event.data);
      if (taken.success) this.#options.onActorTaken?.(event.stream, taken.data);
      return;
    }
    try {
      const instance = event.stream.slice(streamPrefixes.workflowInstance.length) as InstanceId;
      const decoded = decodeInstanceEvent(event);
      if (decoded.type === 'OwnershipTaken') {
        this.#options.onOwnershipTaken(instance, decoded.data);
        this.#options.owners?.taken(instance, decoded.data);
        this.#takers.set(decoded.data.incarnation, decoded.data);
      }
      this.#note(changesOf(instance, decoded), event.position);
      this.#options.watch?.heard(instance, event.revision, decoded);
    } catch (fault) {
      const { stream, revision } = event;
      this.#options.log.error({ stream, revision, fault }, 'life-cycle event cannot be read; the run is not listed');
    }
  }

  #note(changes: readonly RunChange[], position: JournalPosition | undefined): void {
    this.#pending.push(...changes);
    this.#position = position ?? this.#position;
    if (this.#pending.length >= gatherLengthMax) this.#flush();
    else this.#timer ??= this.#options.clock.after(gatherMs, () => this.#flush());
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const changes = this.#pending;
    this.#pending = [];
    this.#options.index.apply(changes, this.#position);
    this.#options.watch?.applied(changes);
    this.#options.onApplied?.(changes);
    this.#options.owners?.applied(changes);
    const takers = this.#takers;
    this.#takers = new Map();
    this.#options.owners?.listed(takers.values());
  }
}

function changesOf(instance: InstanceId, event: WorkflowInstanceEvent): RunChange[] {
  const status = (next: RunStatus, finishedAt?: number): RunChange[] => [
    { kind: 'status', instance, status: next, ...(finishedAt === undefined ? {} : { finishedAt }) },
  ];
  if (event.type === 'WorkflowSubmitted') {
    const { definition, key, submittedAt, logicalAt, parent, dryRun } = event.data;
    const { name: workflow, version } = definition;
    const more = {
      ...(logicalAt === undefined ? {} : { logicalAt }),
      ...(parent === undefined ? {} : { parent }),
      ...(dryRun === true ? { dryRun } : {}),
    };
    return [{ kind: 'submitted', run: { instance, workflow, version, key, status: 'running', submittedAt, ...more } }];
  }
  if (event.type === 'ResultKept') {
    const { task, cacheKey, expiresAt, result } = event.data;
    const { attemptId, finishedAt, outputs } = result;
    const source = { instance, task, attemptId, finishedAt };
    return [{ kind: 'resultKept', result: { cacheKey, source, expiresAt, outputs } }];
  }
  if (event.type === 'WorkflowMoved') return [{ kind: 'moved', instance, version: event.data.to.version }];
  if (event.type === 'WorkflowReopened') return [{ kind: 'reopened', instance }];
  if (event.type === 'WorkflowPauseRequested') return status('pausing');
  if (event.type === 'WorkflowPaused') return status('paused');
  if (event.type === 'WorkflowResumed' || event.type === 'WorkflowAdmitted') return status('running');
  if (event.type === 'WorkflowStopRequested') return status('stopping');
  if (event.type === 'WorkflowSucceeded') return status('succeeded', event.data.finishedAt);
  if (event.type === 'WorkflowFailed') return status('failed', event.data.finishedAt);
  if (event.type === 'WorkflowStopped') return status('stopped', event.data.finishedAt);
  return [];
}
