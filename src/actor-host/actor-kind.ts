/** What the host has to know of a kind of journaled actors, beside its machine. */
import type { OwnedActor, OwnedContext } from '../../actors/kit/owned-actor.ts';
import type { TakeOwnership } from '../../schemas/commands/concurrency.commands.ts';
import { isEventType } from '../../schemas/events/registry.ts';
import type { ActorKind } from '../../schemas/messages/subjects.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeData } from '../journal/codec.ts';
import type { RecordedEvent } from '../journal/journal.port.ts';

/** An event with the type that tells its shape. */
export type ActorEvent = { type: string; data: object };

export type HostedSnapshot = { value: string; context: OwnedContext };

export type HostedKind<Snapshot extends HostedSnapshot, Event extends ActorEvent, Command, Effect> = {
  readonly kind: Exclude<ActorKind, 'workflowInstance'>;
  readonly actor: OwnedActor<Snapshot, Event, Command | TakeOwnership, Effect>;
  /** Types of its events. */
  readonly eventTypes: readonly string[];
};

/** @throws AppError JOURNAL_INCONSISTENT */
export function decodeActorEvent<Event extends ActorEvent>(
  { kind, eventTypes }: Pick<HostedKind<HostedSnapshot, Event, unknown, unknown>, 'kind' | 'eventTypes'>,
  recorded: RecordedEvent,
): Event {
  const { stream, revision, type } = recorded;
  if (!eventTypes.includes(type) || !isEventType(type)) {
    throw new AppError('JOURNAL_INCONSISTENT', `${stream}@${revision} is ${type}, which is no event of a ${kind}`);
  }
  // Reason for the cast: the data was parsed with the schema of that type.
  return { type, data: decodeData(recorded) } as Event;
}
