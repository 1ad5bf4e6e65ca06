/** Between the store client's forms and ours. */
import type { Position } from '@eventstore/db-client';
import type { EventId } from '../../schemas/ids.ts';
import type { JournalPosition, RecordedEvent } from './journal.port.ts';

/** The part of the client's recorded event that we read. */
export type StoredEvent = {
  streamId: string;
  revision: bigint;
  id: string;
  type: string;
  data: unknown;
  metadata: unknown;
  created: Date;
  position?: Position;
};

/** Old servers give no position in the reads of one stream; then the wire has this. */
const noPosition = 2n ** 64n - 1n;

export function toRecordedEvent(event: StoredEvent): RecordedEvent {
  const { position } = event;
  return {
    stream: event.streamId,
    revision: Number(event.revision),
    id: event.id as EventId,
    type: event.type,
    data: event.data,
    metadata: event.metadata,
    recordedAt: event.created.getTime(),
    position: position === undefined || position.commit === noPosition ? undefined : toJournalPosition(position),
  };
}

/** Only events of a transaction, which the client cannot write, have a prepare position of their own. */
export function toJournalPosition(position: Position): JournalPosition {
  return position.commit.toString();
}

export function toStorePosition(position: JournalPosition): Position {
  const place = BigInt(position);
  return { commit: place, prepare: place };
}
