/**
 * Checks the stream of a journaled actor that is no run (a task group, a queue, the operations of the cluster): one writer
 * for each epoch (I1), every event taken in its state (I5), revisions without a gap (J4).
 * The rules of ownership are those of runs.
 */
import type { z } from 'zod';
import { eventMetadataSchema } from '../../schemas/envelope.ts';
import { clusterOperationsEvents } from '../../schemas/events/cluster-operations.events.ts';
import { taskGroupEvents } from '../../schemas/events/task-group.events.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { workflowQueueEvents } from '../../schemas/events/workflow-queue.events.ts';
import type { ActorKind } from '../../schemas/messages/subjects.ts';
import { clusterOperationsActor } from '../cluster-operations/cluster-operations.actor.ts';
import { BrokenJournal } from '../kit/decider.ts';
import { taskGroupActor } from '../task-group/task-group.actor.ts';
import { workflowQueueActor } from '../workflow-queue/workflow-queue.actor.ts';
import type { HistoryEvent, Invariant, Violation } from './history-event.ts';
import { type OwnerRecord, OwnershipRules, type StaleWrite } from './ownership-rules.ts';

export type OwnedKind = Exclude<ActorKind, 'workflowInstance'>;

export type OwnedReport = {
  eventCount: number;
  violations: Violation[];
  owners: OwnerRecord[];
  staleWrites: StaleWrite[];
};

/** Folds events one after the other. @throws BrokenJournal */
type Fold = (event: { type: string; data: object }) => void;

const kinds: Record<OwnedKind, { schemas: Record<string, z.ZodType>; begin: () => Fold }> = {
  taskGroup: { schemas: taskGroupEvents, begin: () => foldInto(taskGroupActor) },
  workflowQueue: { schemas: workflowQueueEvents, begin: () => foldInto(workflowQueueActor) },
  clusterOperations: { schemas: clusterOperationsEvents, begin: () => foldInto(clusterOperationsActor) },
};

/** @param history the whole stream from its first event on. */
export function checkOwnedHistory(kind: OwnedKind, history: Iterable<HistoryEvent>): OwnedReport {
  const violations: Violation[] = [];
  const report = (invariant: Invariant, revision: number, message: string): void => {
    violations.push({ invariant, revision, message });
  };
  const ownership = new OwnershipRules(report);
  const { schemas, begin } = kinds[kind];
  const fold = begin();
  let isBroken = false;
  let eventCount = 0;
  for (const { revision, type, data, metadata } of history) {
    if (revision !== eventCount) report('J4', revision, `expected revision ${eventCount}, found ${revision}`);
    eventCount += 1;
    const parsed = Object.hasOwn(schemas, type) ? schemas[type]?.safeParse(data) : undefined;
    const envelope = eventMetadataSchema.safeParse(metadata);
    if (parsed?.success !== true || !envelope.success) {
      report('I5', revision, `${type} cannot be read as an event of a ${kind}`);
      continue;
    }
    const event = { type, data: parsed.data as object };
    // Reason for the cast: these rules look at OwnershipTaken only, which all kinds share.
    ownership.take({ revision, event: event as WorkflowInstanceEvent, metadata: envelope.data });
    if (isBroken) continue;
    try {
      fold(event);
    } catch (fault) {
      if (!(fault instanceof BrokenJournal)) throw fault;
      isBroken = true;
      report('I5', revision, fault.message);
    }
  }
  return { eventCount, violations, owners: ownership.owners, staleWrites: ownership.staleWrites };
}

function foldInto<Snapshot, Event>(actor: {
  initial(): Snapshot;
  fold(snapshot: Snapshot, event: Event): { snapshot: Snapshot };
}): Fold {
  let snapshot = actor.initial();
  return (event) => {
    // Reason for the cast: the data was parsed with the schema of that type.
    snapshot = actor.fold(snapshot, event as Event).snapshot;
  };
}
