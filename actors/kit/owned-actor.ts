/**
 * What journaled actors beside the runs share: an owner with an epoch (I1), a count of their events for the strict fold, and
 * no end. Made of a flat machine that is folded, not run.
 */
import type { AnyMachineSnapshot, AnyStateMachine, EventObject, MachineContext } from 'xstate';
import type { TakeOwnership } from '../../schemas/commands/concurrency.commands.ts';
import type { WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
import { BrokenJournal, type Decision, type JournaledActor } from './decider.ts';
import { pureMachine } from './machine-fold.ts';

type Owner = { master: MasterId; incarnation: Incarnation; host: string; claimRevision: number };

export type OwnedContext = {
  /** Events folded so far: the revision of the last one plus one. */
  eventCount: number;
  /** Grows by one with each owner (I1). */
  epoch: number;
  owner: Owner | null;
};

export const unowned: OwnedContext = { eventCount: 0, epoch: 0, owner: null };

type OwnershipTaken = WorkflowInstanceEventOf<'OwnershipTaken'>;

export const counted = ({ eventCount }: OwnedContext) => ({ eventCount: eventCount + 1 });

export const isNextEpoch = ({ context, event }: { context: OwnedContext; event: { type: string; data: unknown } }) =>
  event.type === 'OwnershipTaken' && (event.data as OwnershipTaken['data']).epoch === context.epoch + 1;

export function ownershipOf(context: OwnedContext, { data }: OwnershipTaken): OwnedContext {
  const { epoch, master, incarnation, host, claimRevision } = data;
  return { ...counted(context), epoch, owner: { master, incarnation, host, claimRevision } };
}

/** The event by which a master takes the actor: always legal, since its epoch is the next one. */
export function takeOwnership(
  { epoch }: OwnedContext,
  { master, incarnation, host, claimRevision, reason, evidence }: TakeOwnership,
): OwnershipTaken {
  const told = evidence === undefined ? {} : { evidence };
  const data = { epoch: epoch + 1, master, incarnation, host, claimRevision, reason, ...told };
  return { type: 'OwnershipTaken', data };
}

type Stored = { value: string; context: OwnedContext };

export type OwnedActor<Snapshot, Event, Command, Effect> = JournaledActor<Snapshot, Event, Command, Effect> & {
  /** The snapshot as plain JSON: what is compared and shown. */
  store(snapshot: Snapshot): Stored;
};

export type OwnedActorParts<Snapshot, Event, Command, Effect> = {
  machine: AnyStateMachine;
  decide(snapshot: Snapshot, command: Command): Decision<Event>;
  pendingEffects(snapshot: Snapshot): Effect[];
};

export function ownedActor<
  Snapshot extends AnyMachineSnapshot & { context: MachineContext & OwnedContext; value: string },
  Event extends EventObject,
  Command,
  Effect,
>({
  machine,
  decide,
  pendingEffects,
}: OwnedActorParts<Snapshot, Event, Command, Effect>): OwnedActor<Snapshot, Event, Command, Effect> {
  const pure = pureMachine<Snapshot>(machine);
  return {
    initial: () => pure.initial(),
    decide,
    fold: (snapshot, event) => {
      const next = pure.transition(snapshot, event);
      // Every event that is taken counts: the same count means that the machine ignored it.
      if (next.snapshot.context.eventCount === snapshot.context.eventCount) {
        throw new BrokenJournal(event.type, snapshot.value);
      }
      // Reason for the cast: `updateWithEffects` puts the whole effect into the params of the action of its name.
      return { snapshot: next.snapshot, effects: next.actions.map(({ params }) => params as Effect) };
    },
    pendingEffects,
    isFinished: () => false,
    store: ({ value, context }) => ({ value, context }),
  };
}
