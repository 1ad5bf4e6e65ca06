/** One event in words, for a line of a log that a person reads. */
import type { z } from 'zod';
import {
  type WorkflowInstanceEventType,
  workflowInstanceEvents,
} from '../../../schemas/events/workflow-instance.events.ts';
import type { EventView } from '../../../schemas/messages/client.messages.ts';
import { oneLine, shortened } from './plain-text.ts';
import { shortDuration } from './short-time.ts';

export type DataOf<T extends WorkflowInstanceEventType> = z.infer<(typeof workflowInstanceEvents)[T]>;

export type KnownEvent = { [T in WorkflowInstanceEventType]: { type: T; data: DataOf<T> } }[WorkflowInstanceEventType];

const textLengthMax = 160;

const words: { [T in WorkflowInstanceEventType]: (data: DataOf<T>) => string } = {
  WorkflowSubmitted: ({ definition, key }) => `${definition.name} version ${definition.version}, key ${key}`,
  OwnershipTaken: ({ master, host, epoch, reason }) => `by ${master} on ${host}, epoch ${epoch} (${reason})`,
  TaskHeld: ({ task, reason }) => `${task} waits: ${reason.message}`,
  TaskAssigned: ({ task, worker, attempt, why }) =>
    `${task} to ${worker}, attempt ${attempt} (${why.balancer} of ${why.candidateCount})`,
  TaskRejected: ({ task, reason }) => `${task}: ${reason.message} (${reason.code})`,
  TaskAccepted: ({ task }) => task,
  TaskStarted: ({ task }) => task,
  ApplicationFound: ({ task, kind, id, cluster }) => `${task}: ${id} on ${cluster} (${kind})`,
  TaskOrphaned: ({ task, why, clusters, reason }) =>
    `${task} (${why}): ${reason.message}; asks ${clusters.join(', ')} for its applications`,
  ApplicationSeen: ({ task, id, cluster, state, reason }) =>
    `${task}: ${applicationIn(cluster, id)} is ${state}${reason === undefined ? '' : ` (${reason.message})`}`,
  ApplicationEnded: ({ task, id, cluster, state }) => `${task}: ${applicationIn(cluster, id)} ended as ${state}`,
  ApplicationAdopted: ({ task, id, cluster, adoptedAt, dueAt }) =>
    `${task}: ${applicationIn(cluster, id)} is followed, at most ${shortDuration(dueAt - adoptedAt)}`,
  ApplicationKillRequested: ({ task, id, cluster, why, decidedBy }) =>
    `${task}: ${applicationIn(cluster, id)} is to end (${why})${lossDecidedBy(decidedBy)}`,
  ApplicationGivenUp: ({ task, id, cluster, state, reason }) =>
    `${task}: ${applicationIn(cluster, id)} is given up while ${state}: ${reason.message}`,
  TaskSucceeded: ({ task, startedAt, finishedAt }) => `${task} in ${shortDuration(finishedAt - startedAt)}`,
  TaskFailed: ({ task, fault, retry }) => {
    const next = retry === undefined ? '' : `; again in ${shortDuration(retry.delayMs)}`;
    return `${task}: ${fault.message} (${fault.code})${next}`;
  },
  TaskTimedOut: ({ task }) => task,
  TaskLost: ({ task, reason, givenUp, decidedBy }) =>
    `${task}: ${reason.message} (${reason.code})${givenUp ? '; given up' : ''}${lossDecidedBy(decidedBy)}`,
  TaskWorkerAbsent: ({ task, reason, dueAt, since }) =>
    `${task}: ${reason.message} (${reason.code}); ${dueAt === undefined ? 'asks for a decision' : `waits ${shortDuration(dueAt - since)} for its return`}`,
  TaskWorkerReturned: ({ task }) => task,
  TaskRetryDue: ({ task }) => task,
  TaskStopped: ({ task }) => task,
  TaskDelayed: ({ task }) => task,
  TaskDelayOver: ({ task }) => task,
  TaskQueued: ({ task, since, dueAt }) => `${task}, at most ${shortDuration(dueAt - since)}`,
  TaskQueueTimedOut: ({ task, fault, action }) =>
    `${task}: ${fault.message}${action === 'warn' ? '; goes on waiting' : ''}`,
  TaskTimeoutWarned: ({ task }) => task,
  TaskBranchChosen: ({ task, choice, next }) =>
    `${task}: ${choice}${next.length === 0 ? '' : ` to ${next.join(', ')}`}`,
  TaskUnstartable: ({ task, fault }) => `${task}: ${fault.message} (${fault.code})`,
  TaskAwaits: ({ task, awaits }) =>
    `${task} waits for ${awaits.kind === 'signal' ? `the signal ${awaits.name}` : awaits.kind}`,
  TaskConcluded: ({ task, result, fault, decidedBy }) => {
    if (fault !== undefined) return `${task} ${result}: ${fault.message} (${fault.code})`;
    return `${task} ${result}${decidedBy === undefined ? '' : ` ${askedBy(decidedBy.by, decidedBy.reason)}`}`;
  },
  TaskExpanded: ({ task, itemCount, over }) =>
    `${task} ${over === undefined ? 'goes on with its' : 'has'} ${itemCount} items`,
  TaskCollected: ({ task, result, counts, fault }) => {
    const ends = Object.entries(counts).filter(([, count]) => count > 0);
    const named = ends.map(([status, count]) => `${count} ${status}`).join(', ');
    return `${task} ${result} (${named === '' ? 'no items' : named})${fault === undefined ? '' : `: ${fault.message} (${fault.code})`}`;
  },
  TaskDryRun: ({ task }) => task,
  TaskCacheHit: ({ task, source }) => `${task}: the result of ${source.task} in ${source.instance}`,
  ResultKept: ({ task, expiresAt, result }) =>
    `${task}, for runs within ${shortDuration(expiresAt - result.finishedAt)}`,
  TaskStopRequested: ({ task, by, reason }) => `${task} ${askedBy(by, reason)}`,
  TaskSkipped: ({ task, by, reason }) => `${task} ${askedBy(by, reason)}`,
  TaskForced: ({ task, by, reason }) => `${task} ${askedBy(by, reason)}`,
  StateCleared: ({ scope, tasks, by, reason }) =>
    `${tasks === undefined ? scope : `${scope}: ${tasks.join(', ')}`} ${askedBy(by, reason)}`,
  IsolationAdded: ({ task, by, reason }) => `${task} ${askedBy(by, reason)}`,
  IsolationRemoved: ({ task, by, reason }) => `${task} ${askedBy(by, reason)}`,
  PriorityChanged: ({ task, priority, by, reason }) => `${task ?? 'all tasks'} to ${priority} ${askedBy(by, reason)}`,
  SignalReceived: ({ name, by, reason }) => `${name} ${askedBy(by, reason)}`,
  WorkflowAdmitted: ({ evidence }) => evidence ?? '',
  WorkflowPauseRequested: ({ by, reason }) => askedBy(by, reason),
  WorkflowPaused: () => '',
  WorkflowResumed: ({ by, reason }) => askedBy(by, reason),
  WorkflowMoved: ({ from, to, by, reason }) =>
    `from version ${from.version} to version ${to.version} ${askedBy(by, reason)}`,
  WorkflowReopened: ({ by, reason }) => askedBy(by, reason),
  WorkflowTimedOut: ({ action }) => (action === 'warn' ? 'goes on' : 'is being ended'),
  WorkflowStopRequested: ({ by, reason }) => askedBy(by, reason),
  WorkflowSucceeded: () => '',
  WorkflowFailed: ({ failedTasks, failedCount }) => {
    const more = failedCount > failedTasks.length ? ` and ${failedCount - failedTasks.length} more` : '';
    return `${failedTasks.join(', ')}${more} failed`;
  },
  WorkflowStopped: ({ by }) => `by ${by}`,
};

function askedBy(by: string, reason: string | undefined): string {
  return `by ${by}${reason === undefined ? '' : `: ${reason}`}`;
}

const applicationIn = (cluster: string, id: string | undefined): string =>
  `${id ?? 'what it has started'} on ${cluster}`;

function lossDecidedBy(decidedBy: DataOf<'TaskLost'>['decidedBy']): string {
  return decidedBy === undefined ? '' : `; decided by ${decidedBy.by}`;
}

/** Undefined for a type that this version does not know, or a shape that it cannot read: both are shown, not refused. */
export function knownEvent(event: Pick<EventView, 'type' | 'data'>): KnownEvent | undefined {
  if (!isKnownType(event.type)) return undefined;
  const parsed = workflowInstanceEvents[event.type].safeParse(event.data);
  // The data was parsed with the schema of this very type.
  return parsed.success ? ({ type: event.type, data: parsed.data } as KnownEvent) : undefined;
}

export function describeEvent(event: Pick<EventView, 'type' | 'data'>): string {
  const known = knownEvent(event);
  const text = known === undefined ? JSON.stringify(event.data) : describeKnown(known);
  return shortened(oneLine(text), textLengthMax);
}

function describeKnown<T extends WorkflowInstanceEventType>(event: { type: T; data: DataOf<T> }): string {
  return words[event.type](event.data);
}

function isKnownType(type: string): type is WorkflowInstanceEventType {
  return Object.hasOwn(workflowInstanceEvents, type);
}
