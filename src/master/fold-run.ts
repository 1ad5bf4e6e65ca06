/** A run as its stream tells it: read, decoded and folded; on the way its events may pass the rules of the checker. */
import { checkProgress } from '../../actors/invariants/check-history.ts';
import type { Violation } from '../../actors/invariants/history-event.ts';
import { HistoryRules } from '../../actors/invariants/history-rules.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { DefinitionStore } from '../definitions/definition-store.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeInstanceEvent, instanceStream } from '../journal/codec.ts';
import type { Journal, RecordedEvent } from '../journal/journal.port.ts';
import type { LiveInstanceStart, RunOrigin } from './live-instance.ts';

export type FoldedRun = Omit<LiveInstanceStart, 'id' | 'claimRevision'>;

export type FoldSources = { journal: Journal; definitions: DefinitionStore };

/** An attempt that was given away. Whether its worker was told, no event says. */
export type LostAttempt = { attemptId: AttemptId; worker: WorkerId };

export type FoldOptions = {
  /** Is called with every event, before it is folded. */
  show?: (recorded: RecordedEvent, event: WorkflowInstanceEvent) => void;
  /** How many events from the first one are folded. Default: all. */
  eventCountMax?: number;
};

/**
 * Undefined when there is no such stream.
 * @throws AppError JOURNAL_INCONSISTENT, BrokenJournal
 */
export async function foldRun(
  { journal, definitions }: FoldSources,
  id: InstanceId,
  { show, eventCountMax }: FoldOptions = {},
): Promise<FoldedRun | undefined> {
  let folded: FoldedRun | undefined;
  const part = eventCountMax === undefined ? {} : { limit: eventCountMax };
  for await (const recorded of journal.read(instanceStream(id), part)) {
    const event = decodeInstanceEvent(recorded);
    if (event.type === 'WorkflowSubmitted') {
      const { name, version } = event.data.definition;
      const { actor, reference } = await definitions.version(name, version);
      folded = {
        workflow: reference.name,
        actor,
        snapshot: actor.initial(),
        revision: -1,
        origin: originOf(recorded, id),
      };
    }
    if (folded === undefined) throw notBegun(recorded);
    show?.(recorded, event);
    folded.snapshot = folded.actor.fold(folded.snapshot, event).snapshot;
    folded.actor = folded.actor.at(folded.snapshot);
    folded.revision = recorded.revision;
  }
  return folded;
}

export type CheckedRun = {
  folded: FoldedRun | undefined;
  /** Of the invariants, as the taken-over run brings them along. */
  breaches: Violation[];
  lost: LostAttempt[];
};

/** The same with what a new owner must know besides. */
export async function foldAndCheckRun(sources: FoldSources, id: InstanceId): Promise<CheckedRun> {
  const rules = new HistoryRules();
  const losses = new Losses();
  const show = (recorded: RecordedEvent, event: WorkflowInstanceEvent): void => {
    rules.take(recorded, event);
    losses.take(event);
  };
  const folded = await foldRun(sources, id, { show });
  if (folded === undefined) return { folded, breaches: [], lost: [] };
  const { actor, snapshot, revision } = folded;
  const breaches = [...rules.violations, ...checkProgress(actor, snapshot, revision)];
  return { folded, breaches, lost: losses.attempts };
}

class Losses {
  readonly attempts: LostAttempt[] = [];
  /** Worker of the newest attempt of each task. */
  readonly #workers = new Map<TaskName, WorkerId>();

  take({ type, data }: WorkflowInstanceEvent): void {
    if (type === 'TaskAssigned') this.#workers.set(data.task, data.worker);
    if (type !== 'TaskLost' && !(type === 'TaskRejected' && data.reason.code === 'WORKER_UNREACHABLE')) return;
    const worker = this.#workers.get(data.task);
    if (worker !== undefined) this.attempts.push({ attemptId: data.attemptId, worker });
  }
}

function originOf({ metadata }: RecordedEvent, id: InstanceId): RunOrigin {
  const { correlationId, traceparent } = metadata as Partial<Record<string, unknown>>;
  return {
    correlationId: typeof correlationId === 'string' ? correlationId : id,
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
  };
}

function notBegun({ stream, revision, type }: RecordedEvent): AppError {
  return new AppError('JOURNAL_INCONSISTENT', `${stream}@${revision} is ${type}, before the run was submitted`);
}
