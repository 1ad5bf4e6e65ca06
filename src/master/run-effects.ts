/**
 * What the effects of runs mean on this master. Effects that only ask for a decision are answered at once (`answer`); the
 * others run after their events are durable (I7), and all of them again, from `pendingEffects`, after a takeover.
 */

import type { PlannedTask } from '../../actors/graph/plan.ts';
import { beginsAtOwner } from '../../actors/workflow-instance/begin.decide.ts';
import { stateOf } from '../../actors/workflow-instance/task-lookup.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { priorityOf, taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, CacheKey, InstanceId, TaskName } from '../../schemas/ids.ts';
import type { Dispatcher, Placement } from '../dispatch/dispatcher.ts';
import type { WorkerPool } from '../dispatch/worker-pool.ts';
import { childKeyOf, instanceIdOf } from '../runs/instance-id.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import { ApplicationKeeper, type ApplicationKeeperOptions } from './application-keeper.ts';
import type { AttemptCourier } from './attempt-courier.ts';
import type { LostAttempt } from './fold-run.ts';
import type { LiveInstance } from './live-instance.ts';
import { createResultCache, type ResultCache } from './result-cache.ts';
import type { Revocations } from './revocations.ts';

type EffectOf<T extends WorkflowInstanceEffect['type']> = Extract<WorkflowInstanceEffect, { type: T }>;
type AssignTask = Extract<WorkflowInstanceCommand, { type: 'AssignTask' }>;
type UseResult = Extract<WorkflowInstanceCommand, { type: 'UseResult' }>;
type LookedUp = { cacheKey?: CacheKey; use?: UseResult };

/** Sees to tasks that wait for an answer from outside. Signals and approvals come as commands: nothing is owed for them. */
export type Attendance = {
  attend(instance: LiveInstance, awaited: EffectOf<'attend'>): void;
  leave(instance: LiveInstance, awaited: EffectOf<'leave'>): void;
};

/** Slots of task groups that tasks need before they get a worker. */
export type GroupSlots = {
  /** True when the task needs none, or has them. */
  hasSlots(instance: LiveInstance, task: TaskName, snapshot: WorkflowInstanceSnapshot): boolean;
  /** True when the task needs none by what is decided of its run, or has them: it may be given to a worker now. */
  mayBeAssigned(instance: LiveInstance, task: TaskName): boolean;
  request(instance: LiveInstance, task: TaskName): void;
  /** True when it has asked for slots that it has not got yet. */
  isWaiting(instance: LiveInstance, task: TaskName): boolean;
  /** An attempt has ended, or the task waits no more: gives back what it does not need. */
  settle(instance: LiveInstance, task: TaskName): void;
};

export type RunEffectsOptions = ApplicationKeeperOptions & {
  pool: WorkerPool;
  courier: AttemptCourier;
  revocations: Revocations;
  dispatcher: () => Dispatcher;
  attendance: Attendance;
  slots: GroupSlots;
  index: Pick<RunIndex, 'result'>;
  /** The run waits for its turn; it is told by AdmitWorkflow. */
  requestAdmission: (instance: LiveInstance) => void;
  find: (id: InstanceId) => LiveInstance | undefined;
};

export class RunEffects {
  readonly #options: RunEffectsOptions;
  readonly #results: ResultCache;
  readonly #keeper: ApplicationKeeper;

  constructor(options: RunEffectsOptions) {
    this.#options = options;
    this.#results = createResultCache(options);
    this.#keeper = new ApplicationKeeper(options);
  }

  /** The decision that an effect asks for, if it can be made now. */
  answer(
    instance: LiveInstance,
    effect: WorkflowInstanceEffect,
    snapshot: WorkflowInstanceSnapshot,
  ): WorkflowInstanceCommand | undefined {
    const { clock, pool } = this.#options;
    if (effect.type === 'concludeWorkflow') return { type: 'ConcludeWorkflow', now: clock.now() };
    if (effect.type === 'concludePause') return { type: 'ConcludePause', now: clock.now() };
    if (effect.type === 'collectItems') return { type: 'CollectItems', now: clock.now(), task: effect.task };
    if (effect.type === 'placeTask') return this.#begin(instance, effect.task, snapshot);
    if (effect.type === 'releaseSlot') {
      // The worker's slot is free whether or not the report becomes durable here.
      pool.release(effect.attemptId);
      this.#options.dispatcher().fill();
    }
    // Before the same decision places the task again, with another priority or in another round.
    if (effect.type === 'withdrawTask') this.#options.dispatcher().withdraw(instance.id, effect.task);
    return undefined;
  }

  /** What was answered has become impossible meanwhile: the slot of an attempt that is not to be is free. */
  refused(command: WorkflowInstanceCommand): void {
    if (command.type !== 'AssignTask') return;
    this.#options.pool.release(command.attemptId);
    this.#options.dispatcher().fill();
  }

  /**
   * Runs one durable effect.
   * @param isRepeated a former owner may have run it
   */
  run(instance: LiveInstance, effect: WorkflowInstanceEffect, isRepeated = false): void {
    const { courier } = this.#options;
    switch (effect.type) {
      case 'offerAttempt':
        void courier.offer(instance, effect, isRepeated);
        return;
      case 'cancelAttempt':
        void courier.cancel(instance, effect, effect.reason);
        return;
      case 'revokeAttempt':
        this.revoke(instance, effect);
        return;
      case 'armTimer':
        this.#arm(instance, effect);
        return;
      case 'disarmTimer':
        instance.disarmTimer(effect.timerId);
        return;
      case 'withdrawTask':
        this.#options.slots.settle(instance, effect.task);
        return;
      case 'armRunTimer':
        instance.armTimer(effect.timerId, effect.dueAt, () => {
          const command = { type: 'FireRunTimer', now: this.#options.clock.now(), timerId: effect.timerId } as const;
          instance.send({ command, causationId: `timer.${effect.timerId}` });
        });
        return;
      case 'tendApplications':
        this.#keeper.tend(instance, effect);
        return;
      case 'attend':
        this.#options.attendance.attend(instance, effect);
        return;
      case 'leave':
        this.#options.attendance.leave(instance, effect);
        return;
      case 'requestAdmission':
        this.#options.requestAdmission(instance);
        return;
      case 'placeTask':
        this.#awaitSlots(instance, effect.task);
        return;
      case 'releaseSlot':
        this.#options.slots.settle(instance, effect.task);
        return;
      case 'collectItems':
      case 'concludePause':
      case 'concludeWorkflow':
        // Done by `answer`.
        return;
    }
  }

  /** Everything that is owed by a run that was just taken over. */
  runPending(instance: LiveInstance): void {
    for (const effect of instance.actor.pendingEffects(instance.snapshot)) this.#owe(instance, effect);
  }

  #owe(instance: LiveInstance, effect: WorkflowInstanceEffect): void {
    const command = this.answer(instance, effect, instance.snapshot);
    if (command === undefined) this.run(instance, effect, true);
    else if (command.type === 'AssignTask') this.#sendAssignment(instance, command);
    else instance.send({ command, causationId: `pending.${effect.type}` });
  }

  /** What this process should have done long ago; doing it twice is harmless (I7). */
  redo(instance: LiveInstance, effect: WorkflowInstanceEffect): void {
    if (effect.type === 'armTimer' || effect.type === 'armRunTimer') instance.disarmTimer(effect.timerId);
    this.#owe(instance, effect);
  }

  /** True when the task waits for slots of its group. */
  waitsForSlots(instance: LiveInstance, task: TaskName): boolean {
    return this.#options.slots.isWaiting(instance, task);
  }

  /** A ready task has the slots of its group, or no order holds it any more. */
  place(id: InstanceId, task: TaskName): void {
    const instance = this.#options.find(id);
    if (instance === undefined) return;
    if (!instance.isIdle && isNotReadyYet(instance, task)) {
      // It became ready by what is being appended: whether it needs slots is known when that is durable.
      const command = { type: 'QueueTask', now: this.#options.clock.now(), task } as const;
      instance.send({ command, causationId: `placed.${task}`, onOutcome: () => this.#placeIfReady(instance, task) });
      return;
    }
    this.#placeNow(instance, task);
  }

  #placeIfReady(instance: LiveInstance, task: TaskName): void {
    if (!instance.isDropped && !isNotReadyYet(instance, task)) this.#placeNow(instance, task);
  }

  #placeNow(instance: LiveInstance, task: TaskName): void {
    const command = this.#begin(instance, task, instance.snapshot);
    if (command?.type === 'AssignTask') this.#sendAssignment(instance, command);
    else if (command !== undefined) instance.send({ command, causationId: `slots.${task}` });
    else this.#awaitSlots(instance, task);
  }

  /** The run has given the attempt away. */
  revoke(instance: LiveInstance, { attemptId, worker }: LostAttempt): void {
    const { epoch } = instance.snapshot.context;
    this.#options.revocations.add({ instance: instance.id, epoch, attemptId, worker });
  }

  /** A waiting task got a slot. */
  assign(id: InstanceId, task: TaskName, placement: Placement): void {
    const instance = this.#options.find(id);
    if (instance === undefined) {
      this.#options.pool.release(placement.attemptId);
      return;
    }
    const { snapshot } = instance;
    const planned = plannedOf(instance, task);
    const { use, cacheKey } = this.#lookUp(instance, planned, snapshot);
    if (use === undefined) {
      this.#sendAssignment(instance, this.#assignment(planned, snapshot, placement, cacheKey));
      return;
    }
    // Somebody else had the same to do, and was faster.
    this.#options.pool.release(placement.attemptId);
    instance.send({ command: use, causationId: `result.${cacheKey}` });
  }

  hold(id: InstanceId, task: TaskName, reason: HoldReason): void {
    const command = { type: 'HoldTask', now: this.#options.clock.now(), task, reason } as const;
    this.#options.find(id)?.send({ command, causationId: `held.${reason.code}`, isLazy: true });
  }

  /**
   * Gives the slot back when the task could not take it: it may have been stopped meanwhile. Slots of its group may have been
   * given back by what was decided before it: then the task asks for them anew.
   */
  #sendAssignment(instance: LiveInstance, command: AssignTask): void {
    const { attemptId, task } = command;
    instance.send({
      command,
      causationId: `slot.${attemptId}`,
      isTimely: () => this.#options.slots.mayBeAssigned(instance, task),
      onOutcome: (outcome) => {
        if (outcome.kind !== 'durable' || outcome.eventCount === 0) this.#options.pool.release(attemptId);
      },
    });
  }

  /** A ready task that no worker runs begins here; every other one gets a slot, or waits for it. */
  #begin(
    instance: LiveInstance,
    task: TaskName,
    snapshot: WorkflowInstanceSnapshot,
  ): WorkflowInstanceCommand | undefined {
    const planned = plannedOf(instance, task, snapshot);
    const { clock, ids } = this.#options;
    if (beginsAtOwner(planned, snapshot.context)) {
      const attemptId = ids.uuid() as AttemptId;
      const child = childOf(planned.definition, attemptId);
      const now = clock.now();
      return { type: 'StartTask', now, task, attemptId, ...(child === undefined ? {} : { child }) };
    }
    const { use, cacheKey } = this.#lookUp(instance, planned, snapshot);
    if (use !== undefined) return use;
    if (!this.#options.slots.hasSlots(instance, task, snapshot)) return undefined;
    const placement = this.#place(instance, planned, snapshot);
    const placed = placement === undefined ? undefined : this.#assignment(planned, snapshot, placement, cacheKey);
    if (placed !== undefined || planned.definition.queueTimeoutMs === undefined) return placed;
    return { type: 'QueueTask', now: clock.now(), task };
  }

  /** What `answer` has not placed waits in the queue of its workers by now, or for the slots of its group. */
  #awaitSlots(instance: LiveInstance, task: TaskName): void {
    const { slots, clock } = this.#options;
    if (slots.hasSlots(instance, task, instance.snapshot)) return;
    slots.request(instance, task);
    if (plannedOf(instance, task).definition.queueTimeoutMs === undefined) return;
    instance.send({ command: { type: 'QueueTask', now: clock.now(), task }, causationId: `slots.${task}` });
  }

  /** The result that the task may take, and the key under which its own will be kept. */
  #lookUp(instance: LiveInstance, task: PlannedTask, snapshot: WorkflowInstanceSnapshot): LookedUp {
    if (task.definition.cache === undefined) return {};
    const { plan } = instance.actor.at(snapshot);
    const ready = { instance: instance.id, plan, task, context: snapshot.context };
    const cacheKey = this.#results.keyOf(ready);
    const kept = this.#results.find(ready, cacheKey);
    if (kept === undefined) return cacheKey === undefined ? {} : { cacheKey };
    const { source, outputs } = kept;
    const { name } = task.definition;
    const found = { cacheKey: kept.cacheKey, source, outputs };
    const now = this.#options.clock.now();
    return { cacheKey: kept.cacheKey, use: { type: 'UseResult', now, task: name, ...found } };
  }

  #place(instance: LiveInstance, planned: PlannedTask, { context }: WorkflowInstanceSnapshot): Placement | undefined {
    const { name: task, workerGroup: group } = planned.definition;
    const priority = priorityOf(context, planned);
    return this.#options.dispatcher().place({ instance: instance.id, task, group, priority });
  }

  #assignment(
    planned: PlannedTask,
    { context }: WorkflowInstanceSnapshot,
    placement: Placement,
    cacheKey: CacheKey | undefined,
  ): AssignTask {
    const now = this.#options.clock.now();
    const { name: task } = planned.definition;
    const round = stateOf(context, planned)?.context.round ?? 0;
    return { type: 'AssignTask', now, task, round, ...placement, ...(cacheKey === undefined ? {} : { cacheKey }) };
  }

  #arm(instance: LiveInstance, effect: Extract<WorkflowInstanceEffect, { type: 'armTimer' }>): void {
    const { timerId, task, dueAt } = effect;
    instance.armTimer(timerId, dueAt, () => {
      const { clock, ids, config } = this.#options;
      const { lossesMax } = config;
      const common = { now: clock.now(), random: ids.random() };
      const command = { type: 'FireTimer', ...common, timerId, task, lossesMax } as const;
      instance.send({ command, causationId: `timer.${timerId}` });
    });
  }
}

function isNotReadyYet({ actor, snapshot }: LiveInstance, task: TaskName): boolean {
  return taskStateOf(actor.plan, snapshot.context, task)?.status !== 'ready';
}

function plannedOf(
  { actor, snapshot }: LiveInstance,
  task: TaskName,
  decided: WorkflowInstanceSnapshot = snapshot,
): PlannedTask {
  const { plan } = actor.at(decided);
  const planned = plan.find(task);
  if (planned === undefined) throw new Error(`the workflow ${plan.definition.name} has no task ${task}`);
  return planned;
}

/** The child run of a `workflow` task is named by its attempt: it is made once, whoever makes it. */
function childOf({ settings }: TaskDefinition, attemptId: AttemptId): InstanceId | undefined {
  return settings.type === 'workflow' ? instanceIdOf(settings.name, childKeyOf(attemptId)) : undefined;
}
