/** Histories as a journal gives them back: events with dense revisions and the metadata of their owners. */
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';

export type Recorded = HistoryEvent & {
  readonly type: WorkflowInstanceEvent['type'];
  readonly metadata: EventMetadata;
};

const nobody = { master: 'master-1' as MasterId, incarnation: '30000000-0000-4000-8000-000000000001' as Incarnation };

const always = () => 1_000_000;

/** @param timeOf when the event of a revision was decided */
export function recordedOf(
  events: readonly WorkflowInstanceEvent[],
  timeOf: (revision: number) => number = always,
): Recorded[] {
  let owner = { epoch: 0, ...nobody };
  return events.map((event, revision) => {
    if (event.type === 'OwnershipTaken') {
      const { epoch, master, incarnation } = event.data;
      owner = { epoch, master, incarnation };
    }
    const decidedAt = timeOf(revision);
    const metadata = {
      schemaVersion: 1,
      ...owner,
      correlationId: 'run-1',
      causationId: `cause-${revision}`,
      decidedAt,
    };
    return { revision, type: event.type, data: event.data, metadata };
  });
}
