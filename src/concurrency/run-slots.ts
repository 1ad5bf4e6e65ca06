/**
 * The slots that runs of this master need of task groups. What a task needs follows from the durable state of its run; this
 * only says so to the groups, and gives back what is not needed any more.
 */

import {
  groupTasksIn,
  hasGroupTasks,
  isTurnOver,
  pastTurns,
  type SlotNeed,
  slotNeedOf,
  usesGroup,
} from '../../actors/task-group/slot-need.ts';
import { groupHold } from '../../actors/task-group/task-group.view.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { priorityOf, taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { SlotHolder } from '../../schemas/events/task-group.events.ts';
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import type { SlotState, SlotStates } from '../../schemas/messages/concurrency.messages.ts';
import type { LiveInstance } from '../master/live-instance.ts';
import { SlotCourier, type SlotCourierOptions } from './slot-courier.ts';

export type RunSlotsOptions = Pick<SlotCourierOptions, 'send' | 'clock' | 'log' | 'repeatIntervalMs'> & {
  find: (id: InstanceId) => LiveInstance | undefined;
  /** An order holds the task: until it ends the task gets no worker, and needs no slots. */
  isOrdered: (instance: LiveInstance, task: TaskName) => boolean;
  /** The order holds it at the dispatcher: no assignment of it is under way. */
  isParked: (id: InstanceId, task: TaskName) => boolean;
  /** The task has its slots: it may get a worker. */
  place: (id: InstanceId, task: TaskName) => void;
  hold: (id: InstanceId, task: TaskName, reason: HoldReason) => void;
};

type SlotsKnown = Parameters<SlotCourier['request']>[1];

export class RunSlots {
  readonly #options: RunSlotsOptions;
  readonly #courier: SlotCourier;

  constructor(options: RunSlotsOptions) {
    this.#options = options;
    this.#courier = new SlotCourier({
      ...options,
      onGranted: (holder) => this.#granted(holder),
      onWaiting: (holder, reason) => this.#waits(holder, reason),
    });
  }

  /** True when the task may get a worker: it has its slots, or needs none. Asks for nothing: it may not be durable yet. */
  hasSlots(instance: LiveInstance, task: TaskName, snapshot: WorkflowInstanceSnapshot): boolean {
    const need = this.#needOf(instance, task, snapshot);
    return need === undefined || this.#courier.isGranted(need);
  }

  /** Whatever an order makes of the need: a task that was held may have given its slots back. */
  mayBeAssigned(instance: LiveInstance, task: TaskName): boolean {
    const need = slotNeedOf(runOf(instance, instance.decided), task);
    return need === undefined || this.#courier.isGranted(need);
  }

  isWaiting(instance: LiveInstance, task: TaskName): boolean {
    const need = this.#needOf(instance, task, instance.snapshot);
    return need !== undefined && this.#courier.isAsked(need) && !this.#courier.isGranted(need);
  }

  /** The task is ready, durably: it needs its slots now. */
  request(instance: LiveInstance, task: TaskName): void {
    const need = this.#needOf(instance, task, instance.snapshot);
    if (need !== undefined) this.#request(instance, task, need);
  }

  /**
   * An attempt has ended, or the task waits no more: slots that it does not need are given back. Those that it was given to a
   * worker with, by a decision that is not durable yet, are in use.
   */
  settle(instance: LiveInstance, task: TaskName): void {
    if (!usesGroup(instance.actor.plan, task)) return;
    const states = new Set([instance.snapshot, instance.decided]);
    const needs = [...states].map((state) => this.#needOf(instance, task, state)?.holder);
    for (const wanted of this.#courier.wantedFor(instance.id, task)) {
      const { round, turn } = wanted.holder;
      if (needs.some((need) => need?.round === round && need.turn === turn)) continue;
      this.#courier.release(wanted, 'ended', isTurnOver(runOf(instance, instance.snapshot), wanted.holder));
    }
  }

  /** Orders have changed: ready tasks that they hold give back what they have, and wait for nothing. */
  ordersChanged(): void {
    for (const { holder, ...wanted } of this.#courier.all()) {
      const instance = this.#options.find(holder.instance);
      if (instance === undefined || !isReady(instance, holder.task)) continue;
      if (!this.#options.isOrdered(instance, holder.task)) continue;
      // Slots of a task that is just being assigned are in use.
      if (this.#courier.isGranted({ ...wanted, holder }) && !this.#options.isParked(holder.instance, holder.task))
        continue;
      this.settle(instance, holder.task);
      this.#options.place(holder.instance, holder.task);
    }
  }

  /** A run was taken over: what its former owner has asked for or not given back is said again. */
  adopt(instance: LiveInstance): void {
    const run = runOf(instance, instance.snapshot);
    const { epoch } = instance.snapshot.context;
    for (const task of groupTasksIn(run)) {
      for (const past of pastTurns(run, task)) {
        this.#courier.release({ ...past, epoch }, 'ended', isTurnOver(run, past.holder));
      }
      const need = slotNeedOf(run, task);
      if (need !== undefined)
        this.#request(instance, task, need, { isGranted: !isReady(instance, task), isInherited: true });
    }
  }

  /** The run is over: nothing of it needs anything. */
  ended({ id, actor }: LiveInstance): void {
    if (!hasGroupTasks(actor.plan)) return;
    for (const wanted of this.#courier.wantedOf(id)) this.#courier.release(wanted, 'runEnded');
  }

  forget({ id }: LiveInstance): void {
    this.#courier.forget(id);
  }

  take(states: SlotStates): void {
    this.#courier.take(states);
  }

  stop(): void {
    this.#courier.stop();
  }

  #request(instance: LiveInstance, task: TaskName, need: SlotNeed, known: SlotsKnown = {}): void {
    const { plan } = instance.actor;
    const planned = plan.find(task);
    if (planned === undefined) return;
    const { context } = instance.snapshot;
    this.#courier.request({ ...need, priority: priorityOf(context, planned), epoch: context.epoch }, known);
  }

  #granted(holder: SlotHolder): void {
    const instance = this.#options.find(holder.instance);
    if (instance === undefined) return;
    this.settle(instance, holder.task);
    if (isReady(instance, holder.task)) this.#options.place(holder.instance, holder.task);
  }

  /** While an order holds a ready task it needs no slots: others, a crowned one above all, may need them. */
  #needOf(instance: LiveInstance, task: TaskName, snapshot: WorkflowInstanceSnapshot): SlotNeed | undefined {
    const need = slotNeedOf(runOf(instance, snapshot), task);
    if (need === undefined || !this.#options.isOrdered(instance, task)) return need;
    return taskStateOf(instance.actor.at(snapshot).plan, snapshot.context, task)?.status === 'ready' ? undefined : need;
  }

  #waits({ instance: id, task }: SlotHolder, reason: Extract<SlotState, { state: 'waiting' }>['reason']): void {
    const plan = this.#options.find(id)?.actor.plan;
    const group = plan?.find(task)?.definition.workerGroup;
    if (group !== undefined) this.#options.hold(id, task, groupHold(reason, group));
  }
}

function runOf({ id, actor }: LiveInstance, { value, context }: WorkflowInstanceSnapshot) {
  return { instance: id, plan: actor.at({ context }).plan, value, context };
}

function isReady(instance: LiveInstance, task: TaskName): boolean {
  const { plan } = instance.actor;
  return taskStateOf(plan, instance.snapshot.context, task)?.status === 'ready';
}
