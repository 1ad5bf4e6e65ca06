/** A run as its stream tells it: read, decoded and folded; on the way its events may pass the rules of the checker. */
import { checkProgress } from '../../actors/invariants/check-history.ts';
import type { Violation } from '../../actors/invariants/history-event.ts';
import { HistoryRules } from '../../actors/invariants/history-rules.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { DefinitionStore } from '../definitions/definition-store.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeInstanceEvent, instanceStream } from '../journal/codec.ts';
import type { Journal, RecordedEvent } from '../journal/journal.port.ts';
import type { LiveInstanceStart, RunOrigin } from './live-instance.ts';

export type FoldedRun = Omit<LiveInstanceStart, 'id' | 'claimRevision'>;

export type FoldSources = { journal: Journal; definitions: DefinitionStore };

/**
 * Undefined when there is no such stream.
 * @param rules every event is shown to them too
 * @throws AppError JOURNAL_INCONSISTENT, BrokenJournal
 */
export async function foldRun(
  { journal, definitions }: FoldSources,
  id: InstanceId,
  rules?: HistoryRules,
): Promise<FoldedRun | undefined> {
  let folded: FoldedRun | undefined;
  for await (const recorded of journal.read(instanceStream(id))) {
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
    rules?.take(recorded, event);
    folded.snapshot = folded.actor.fold(folded.snapshot, event).snapshot;
    folded.revision = recorded.revision;
  }
  return folded;
}

/** The same with the breaches of the invariants that a taken-over run brings along. */
export async function foldAndCheckRun(
  sources: FoldSources,
  id: InstanceId,
): Promise<{ folded: FoldedRun | undefined; breaches: Violation[] }> {
  const rules = new HistoryRules();
  const folded = await foldRun(sources, id, rules);
  if (folded === undefined) return { folded, breaches: [] };
  const { actor, snapshot, revision } = folded;
  return { folded, breaches: [...rules.violations, ...checkProgress(actor, snapshot, revision)] };
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
