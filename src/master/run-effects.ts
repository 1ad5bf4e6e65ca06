/**
 * What the effects of runs mean on this master. Effects that only ask for a decision are answered at once (`answer`); the
 * others run after their events are durable (I7), and all of them again, from `pendingEffects`, after a takeover.
 */
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { Dispatcher, Placement } from '../dispatch/dispatcher.ts';
import type { WorkerPool } from '../dispatch/worker-pool.ts';
import type { AttemptCourier } from './attempt-courier.ts';
import type { LostAttempt } from './fold-run.ts';
import type { LiveInstance } from './live-instance.ts';
import type { Revocations } from './revocations.ts';

type AssignTask = Extract<WorkflowInstanceCommand, { type: 'AssignTask' }>;

export type RunEffectsOptions = {
  clock: Clock;
  pool: WorkerPool;
  courier: AttemptCourier;
  revocations: Revocations;
  dispatcher: () => Dispatcher;
  lossesMax: number;
  find: (id: InstanceId) => LiveInstance | undefined;
};

export class RunEffects {
  readonly #options: RunEffectsOptions;

  constructor(options: RunEffectsOptions) {
    this.#options = options;
  }

  /** The decision that an effect asks for, if it can be made now. */
  answer(instance: LiveInstance, effect: WorkflowInstanceEffect): WorkflowInstanceCommand | undefined {
    const { clock, pool } = this.#options;
    if (effect.type === 'concludeWorkflow') return { type: 'ConcludeWorkflow', now: clock.now() };
    if (effect.type === 'placeTask') return this.#place(instance, effect.task);
    if (effect.type === 'releaseSlot') {
      // The worker's slot is free whether or not the report becomes durable here.
      pool.release(effect.attemptId);
      this.#options.dispatcher().fill();
    }
    return undefined;
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
        this.#options.dispatcher().withdraw(instance.id, effect.task);
        return;
      case 'placeTask':
      case 'releaseSlot':
      case 'concludeWorkflow':
        // Done by `answer`: the task waits in its queue, the slot is free.
        return;
    }
  }

  /** Everything that is owed by a run that was just taken over. */
  runPending(instance: LiveInstance): void {
    for (const effect of instance.actor.pendingEffects(instance.snapshot)) {
      const command = this.answer(instance, effect);
      if (command === undefined) this.run(instance, effect, true);
      else if (command.type === 'AssignTask') this.#sendAssignment(instance, command);
      else instance.send({ command, causationId: `pending.${effect.type}` });
    }
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
    this.#sendAssignment(instance, this.#assignment(task, placement));
  }

  hold(id: InstanceId, task: TaskName, reason: HoldReason): void {
    const command = { type: 'HoldTask', now: this.#options.clock.now(), task, reason } as const;
    this.#options.find(id)?.send({ command, causationId: `held.${reason.code}`, isLazy: true });
  }

  /** Gives the slot back when the task could not take it: it may have been stopped meanwhile. */
  #sendAssignment(instance: LiveInstance, command: AssignTask): void {
    const { attemptId } = command;
    instance.send({
      command,
      causationId: `slot.${attemptId}`,
      onOutcome: (outcome) => {
        if (outcome.kind !== 'durable' || outcome.eventCount === 0) this.#options.pool.release(attemptId);
      },
    });
  }

  #place(instance: LiveInstance, task: TaskName): AssignTask | undefined {
    const { plan } = instance.actor;
    const definition = plan.tasks[plan.indexOf(task) ?? -1]?.definition;
    if (definition === undefined) return undefined;
    const { workerGroup: group, priority } = definition;
    const placement = this.#options.dispatcher().place({ instance: instance.id, task, group, priority });
    return placement === undefined ? undefined : this.#assignment(task, placement);
  }

  #assignment(task: TaskName, placement: Placement): AssignTask {
    return { type: 'AssignTask', now: this.#options.clock.now(), task, ...placement };
  }

  #arm(instance: LiveInstance, effect: Extract<WorkflowInstanceEffect, { type: 'armTimer' }>): void {
    const { timerId, task, dueAt } = effect;
    instance.armTimer(timerId, dueAt, () => {
      const { clock, lossesMax } = this.#options;
      const command = { type: 'FireTimer', now: clock.now(), timerId, task, lossesMax } as const;
      instance.send({ command, causationId: `timer.${timerId}` });
    });
  }
}
