/**
 * Watches the actors by which runs wait for each other: task groups, queues of workflows, the operations of the cluster. It
 * folds their streams apart from every master, and judges the runs by them: who runs without a slot, who runs out of turn.
 */
import { clusterOperationsActor } from '../../actors/cluster-operations/cluster-operations.actor.ts';
import type { OwnedContext } from '../../actors/kit/owned-actor.ts';
import { slotNeedOf } from '../../actors/task-group/slot-need.ts';
import { taskGroupActor } from '../../actors/task-group/task-group.actor.ts';
import type { TaskGroupSnapshot } from '../../actors/task-group/task-group.machine.ts';
import { findHolder, slotsTaken } from '../../actors/task-group/task-group.state.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import { workflowQueueActor } from '../../actors/workflow-queue/workflow-queue.actor.ts';
import type { WorkflowQueueSnapshot } from '../../actors/workflow-queue/workflow-queue.machine.ts';
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { SlotHolder, TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { streamPrefixes } from '../../src/journal/codec.ts';
import type { PreparedEvent } from '../../src/journal/memory-event-streams.ts';
import { SimQueueMonitor } from './sim-queue-monitor.ts';
import type { RunTrack } from './sim-tracks.ts';
import type { Life } from './sim-world.ts';

type Snapshot = { value: string; context: OwnedContext };
type FoldedEvent = { type: string; data: object };
type Actor = { initial(): Snapshot; fold(snapshot: Snapshot, event: FoldedEvent): { snapshot: Snapshot } };
type ActorTrack = { stream: string; actor: Actor; snapshot: Snapshot; revision: number };

// Reason for the casts: each actor is fed the events of its own streams only.
const actorsByPrefix: readonly (readonly [string, Actor])[] = [
  [streamPrefixes.taskGroup, taskGroupActor as unknown as Actor],
  [streamPrefixes.workflowQueue, workflowQueueActor as unknown as Actor],
  [streamPrefixes.clusterOperations, clusterOperationsActor as unknown as Actor],
];

export type Lives = {
  isAlive: (incarnation: string | undefined) => boolean;
  /** The claim of the actor names a master that is dead. */
  isClaimOfDead: (stream: string) => boolean;
};

/** Of actors without an owner and a claim: every run has ended, so nobody waits for it. */
const keptWithoutOwner: readonly string[] = ['holders', 'active', 'discarded', 'waiting'];

const withAttempt: readonly string[] = ['assigned', 'accepted', 'running', 'absent', 'cancelling'];

export class SimActorMonitor {
  readonly actors = new Map<string, ActorTrack>();
  /** Types of all events of these actors. */
  readonly eventTypes = new Set<string>();
  readonly #breach: (invariant: string, message: string) => void;
  readonly #runOf: (instance: string) => RunTrack | undefined;
  readonly #queues: SimQueueMonitor;

  constructor(breach: (invariant: string, message: string) => void, runOf: (instance: string) => RunTrack | undefined) {
    this.#breach = breach;
    this.#runOf = runOf;
    this.#queues = new SimQueueMonitor(breach, runOf);
  }

  /** False when the stream is not one of these actors. */
  tookAppend(stream: string, first: number, events: readonly PreparedEvent[], by: Life): boolean {
    const actor = actorsByPrefix.find(([prefix]) => stream.startsWith(prefix))?.[1];
    if (actor === undefined) return false;
    const track = this.actors.get(stream) ?? { stream, actor, snapshot: actor.initial(), revision: -1 };
    this.actors.set(stream, track);
    for (const [offset, event] of events.entries()) this.#tookEvent(track, first + offset, event, by);
    return true;
  }

  /** An event of a run, after it was folded. */
  tookRunEvent(run: RunTrack, event: WorkflowInstanceEvent): void {
    if (event.type === 'TaskAssigned') this.#checkSlot(run, event.data.task);
    const queue = this.actors.get(streamPrefixes.workflowQueue + run.workflow);
    this.#queues.tookRunEvent(run, event, queue?.snapshot as WorkflowQueueSnapshot | undefined);
  }

  /**
   * What somebody still has or waits for when every run has ended. An actor of a dead owner falls to another master by its
   * claim. Without a claim it is taken by whoever asks it next, and gives back then what nobody needs.
   */
  leftovers(lives: Lives): string[] {
    return [...this.actors.values()].flatMap(({ stream, snapshot: { context } }) => {
      const isKept = lives.isAlive(context.owner?.incarnation) || lives.isClaimOfDead(stream);
      return Object.entries(context).flatMap(([field, list]) => {
        const isLeft = Array.isArray(list) && list.length > 0 && (isKept || !keptWithoutOwner.includes(field));
        return isLeft ? [`${stream} has ${field}: ${JSON.stringify(list)}`] : [];
      });
    });
  }

  #tookEvent(track: ActorTrack, revision: number, prepared: PreparedEvent, by: Life): void {
    const event = { type: prepared.type, data: JSON.parse(prepared.dataText) as object };
    const metadata = JSON.parse(prepared.metadataText) as EventMetadata;
    const { stream } = track;
    if (revision !== track.revision + 1) this.#breach('J4', `${stream} goes from ${track.revision} to ${revision}`);
    if (metadata.incarnation !== by.incarnation)
      this.#breach('I1', `${event.type} in ${stream} names another author than its sender`);
    track.revision = revision;
    this.eventTypes.add(event.type);
    const before = track.snapshot;
    try {
      track.snapshot = track.actor.fold(track.snapshot, event).snapshot;
    } catch (fault) {
      this.#breach('I5', `${stream}@${revision}: ${String(fault)}`);
    }
    const { epoch, owner } = track.snapshot.context;
    if (metadata.epoch !== epoch || metadata.incarnation !== owner?.incarnation)
      this.#breach('I1', `${stream}@${revision} ${event.type} is of epoch ${metadata.epoch}; the epoch is ${epoch}`);
    if (stream.startsWith(streamPrefixes.taskGroup)) this.#checkGroup(track, event as TaskGroupEvent);
    if (!stream.startsWith(streamPrefixes.workflowQueue)) return;
    const snapshots = { before, after: track.snapshot } as {
      before: WorkflowQueueSnapshot;
      after: WorkflowQueueSnapshot;
    };
    this.#queues.tookEvent(stream.slice(streamPrefixes.workflowQueue.length), event as WorkflowQueueEvent, snapshots);
  }

  /** I8. Slots that a person forced do not count against the limit. */
  #checkGroup({ stream, snapshot }: ActorTrack, event: TaskGroupEvent): void {
    const { context } = snapshot as TaskGroupSnapshot;
    if (event.type === 'SlotGranted' && slotsTaken(context) > context.slots)
      this.#breach('I8', `${stream} grants ${slotsTaken(context)} of ${context.slots} slots`);
    if (event.type !== 'SlotReleased') return;
    const run = this.#runOf(event.data.holder.instance);
    const group = stream.slice(streamPrefixes.taskGroup.length);
    // A version to which the run was moved may have put the task into another group.
    if (run !== undefined && isLiveIn(run, event.data.holder) && needOf(run, event.data.holder.task)?.group === group)
      this.#breach('I8', `${stream} releases the slots of ${event.data.holder.task}, which has an attempt`);
  }

  /** I8: who has an attempt has its slots. */
  #checkSlot(run: RunTrack, task: SlotHolder['task']): void {
    const need = needOf(run, task);
    if (need === undefined) return;
    const track = this.actors.get(streamPrefixes.taskGroup + need.group);
    const held = track && findHolder((track.snapshot as TaskGroupSnapshot).context, need.holder);
    if (held === undefined) this.#breach('I8', `${task} of ${run.stream} is assigned without slots of ${need.group}`);
  }
}

function isLiveIn({ plan, snapshot }: RunTrack, { task, round, turn }: SlotHolder): boolean {
  const state = taskStateOf(plan, snapshot.context, task);
  if (state === undefined || !withAttempt.includes(state.status)) return false;
  return state.context.round === round && state.context.failures === turn;
}

function needOf({ id, plan, snapshot: { value, context } }: RunTrack, task: SlotHolder['task']) {
  return slotNeedOf({ instance: id as InstanceId, plan, value, context }, task);
}
