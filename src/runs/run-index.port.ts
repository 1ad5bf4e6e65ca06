/** Where all runs are listed: a read model made from the journal, rebuilt by deleting it. It decides nothing. */
import type { ResultSource } from '../../schemas/events/workflow-instance.events.ts';
import type { CacheKey, InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { RunSummary, RunsQuery } from '../../schemas/messages/client.messages.ts';
import type { JournalPosition } from '../journal/journal.port.ts';

/** One change of a run's line, as the life-cycle events tell it. */
export type RunChange =
  | { kind: 'submitted'; run: RunSummary }
  | { kind: 'status'; instance: InstanceId; status: RunSummary['status']; finishedAt?: number }
  /** An ended run goes on. */
  | { kind: 'reopened'; instance: InstanceId }
  | { kind: 'moved'; instance: InstanceId; version: number }
  /** Another run may take this result. */
  | { kind: 'resultKept'; result: KeptResult };

/** The success of a task, by the digest of what it was given. */
export type KeptResult = { cacheKey: CacheKey; source: ResultSource; expiresAt: number; outputs: JsonRecord };

export interface RunIndex {
  /** Writes changes and the place up to which the journal was read, all or nothing. Changes may be told again. */
  apply(changes: readonly RunChange[], position: JournalPosition | undefined): void;
  /** Where to go on reading; undefined: from the beginning. */
  position(): JournalPosition | undefined;
  /** Newest first. */
  list(query: RunsQuery): { runs: RunSummary[]; more: boolean };
  get(instance: InstanceId): RunSummary | undefined;
  /**
   * Of the runs of a workflow whose logical time is `fromAt` or later and before `untilAt`: the one with the newest logical
   * time, and of several the one submitted last. Dry runs do not count.
   */
  newestBetween(workflow: WorkflowName, fromAt: number, untilAt: number): RunSummary | undefined;
  /** Instances whose id begins so, at most `limit`. */
  withPrefix(prefix: string, limit: number): InstanceId[];
  unfinished(): InstanceId[];
  /** The newest result under the key. Expired ones may be there still; of too many the oldest are gone. */
  result(cacheKey: CacheKey): KeptResult | undefined;
  close(): void;
}
