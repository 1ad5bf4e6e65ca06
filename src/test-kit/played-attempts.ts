/** Workers and child runs as a script says: they take offers, report in virtual time, heed cancels, are lost and come back. */
import type { PlannedTask } from '../../actors/graph/plan.ts';
import { attemptInputs } from '../../actors/workflow-instance/attempt-inputs.ts';
import { findTask } from '../../actors/workflow-instance/task-lookup.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { priorityOf, taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { AttemptId, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import type { IdSource } from '../clock/clock.port.ts';
import type { Placement } from '../dispatch/dispatcher.ts';
import { AppError } from '../errors/app-error.ts';
import type { CommandOf, EffectOf, Outside, OutsideEffect, VirtualRun } from '../virtual/virtual-run.ts';
import type { VirtualTime } from '../virtual/virtual-time.ts';
import { type VirtualWorker, VirtualWorkers, type WorkerSet } from '../virtual/virtual-workers.ts';
import { type PlayedAttempt, type Result, resultOf, type Script, type WorkerBack } from './results.ts';

export type PlayedAttemptsOptions = {
  time: VirtualTime;
  ids: IdSource;
  instance: InstanceId;
  workers: WorkerSet;
  results: Readonly<Record<string, Script>>;
  lossesMax: number;
  chance: number;
  run: () => VirtualRun;
};

type Live = { task: TaskName; attemptId: AttemptId; worker: WorkerId; startedAt: number };

type Told<Report = AttemptReport> = Report extends unknown ? Omit<Report, 'instance' | 'sequence'> : never;

const defaultLengthMs = 1_000;

export class PlayedAttempts implements Outside {
  readonly #options: PlayedAttemptsOptions;
  readonly #workers: VirtualWorkers;
  readonly #sets = new Map<WorkerId, VirtualWorker>();
  /** Every attempt that a worker or another run ever took: none is taken twice (I4). */
  readonly #taken = new Set<AttemptId>();
  readonly #live = new Map<AttemptId, Live>();
  #ownerCount = 0;

  constructor(options: PlayedAttemptsOptions) {
    this.#options = options;
    const { time, ids, instance, workers } = options;
    for (const [id, worker] of Object.entries(workers)) this.#sets.set(id as WorkerId, worker);
    this.#workers = new VirtualWorkers({
      time,
      ids,
      workers,
      instance,
      balancer: 'lowerWeight',
      onSlot: (task, placement) => this.#assignLate(task, placement),
      onHeld: (task, reason) => {
        this.#run.ask({ type: 'HoldTask', now: 0, task, reason }, `held.${reason.code}`);
      },
    });
  }

  get #run(): VirtualRun {
    return this.#options.run();
  }

  get #conclusion() {
    return { type: 'ConcludeTask' as const, now: 0, random: this.#options.chance };
  }

  assign(planned: PlannedTask, { context }: WorkflowInstanceSnapshot): CommandOf<'AssignTask'> | undefined {
    const { name: task, workerGroup } = planned.definition;
    const placement = this.#workers.place(task, workerGroup, priorityOf(context, planned));
    return placement === undefined ? undefined : { type: 'AssignTask', now: 0, task, ...placement };
  }

  refused(command: WorkflowInstanceCommand): void {
    if (command.type === 'AssignTask') this.#workers.release(command.attemptId);
  }

  withdraw(task: TaskName): void {
    this.#workers.withdraw(task);
  }

  released(attemptId: AttemptId): void {
    this.#live.delete(attemptId);
    this.#workers.release(attemptId);
  }

  begun({ definition }: PlannedTask): { attemptId: AttemptId; child?: InstanceId } {
    const attemptId = this.#options.ids.uuid() as AttemptId;
    if (definition.settings.type !== 'workflow') return { attemptId };
    return { attemptId, child: this.#options.ids.uuid() as InstanceId };
  }

  perform(effect: OutsideEffect): void {
    const { task, attemptId } = effect;
    switch (effect.type) {
      case 'offerAttempt':
        this.#take(effect);
        return;
      case 'attend':
        this.#attend(effect);
        return;
      case 'cancelAttempt':
        this.#cancel(task, attemptId);
        return;
      case 'revokeAttempt':
        this.#forget(attemptId);
        return;
      case 'leave':
        this.#forget(attemptId);
        this.#later(0, attemptId, { ...this.#conclusion, task, attemptId, result: 'stopped' });
        return;
      case 'releaseSlot':
        return;
    }
  }

  /** A new owner knows the state, and finds the workers by itself. */
  ownerChanged(awaited: Parameters<VirtualWorkers['ownerChanged']>[0]): void {
    this.#ownerCount += 1;
    this.#workers.ownerChanged(awaited);
  }

  join(worker: WorkerId, set: VirtualWorker): void {
    this.#sets.set(worker, set);
    this.#workers.join(worker, set);
  }

  /** Every attempt that it has is lost with it, unless it comes back with them. */
  leave(worker: WorkerId, back?: WorkerBack): void {
    const { time } = this.#options;
    const set = this.#sets.get(worker);
    this.#workers.leave(worker);
    const lost = [...this.#live.values()].filter((attempt) => attempt.worker === worker);
    for (const { task, attemptId } of lost) {
      time.forget(attemptId);
      this.#tell(`lost.${attemptId}`, {
        type: 'LoseAttempt',
        now: 0,
        task,
        attemptId,
        reason: { code: 'WORKER_LOST', message: `the worker ${worker} is gone` },
        evidence: `${worker} does not answer`,
        lossesMax: this.#options.lossesMax,
        mayReturn: true,
      });
    }
    if (back === undefined || set === undefined) {
      for (const { attemptId } of lost) this.#live.delete(attemptId);
      return;
    }
    time.plan(time.now() + back.afterMs, () => this.#comeBack(worker, set, back.hasAttempt ? lost : []));
  }

  #comeBack(worker: WorkerId, set: VirtualWorker, kept: readonly Live[]): void {
    this.#workers.join(worker, set);
    for (const { task, attemptId, startedAt } of kept) {
      if (!this.#live.has(attemptId)) continue;
      this.#tell(`returned.${attemptId}`, { type: 'ReturnAttempt', now: 0, task, attemptId });
      const finishedAt = this.#options.time.now() + defaultLengthMs;
      this.#report(defaultLengthMs, { kind: 'succeeded', task, attemptId, startedAt, finishedAt, outputs: {} });
    }
  }

  #take({ task, attemptId, worker, workerIncarnation }: EffectOf<'offerAttempt'>): void {
    if (this.#taken.has(attemptId)) return;
    if (this.#workers.incarnationOf(worker) !== workerIncarnation) {
      const reason = { code: 'WORKER_UNREACHABLE', message: `the worker ${worker} does not answer` };
      this.#later(0, attemptId, { type: 'RejectAttempt', now: 0, task, attemptId, reason }, `rejected.${attemptId}`);
      return;
    }
    const result = this.#resultOf(task, attemptId, worker);
    if (result.kind === 'refused') {
      const command = { type: 'RejectAttempt' as const, now: 0, task, attemptId, reason: result.fault };
      this.#later(0, attemptId, command, `rejected.${attemptId}`);
      return;
    }
    this.#taken.add(attemptId);
    const startedAt = this.#options.time.now();
    this.#live.set(attemptId, { task, attemptId, worker, startedAt });
    this.#report(0, { kind: 'accepted', task, attemptId });
    this.#report(0, { kind: 'started', task, attemptId, startedAt });
    this.#play(result, { task, attemptId, worker, startedAt });
  }

  #play(result: Result, { task, attemptId, worker, startedAt }: Live): void {
    const times = (afterMs: number) => ({ startedAt, finishedAt: startedAt + afterMs });
    switch (result.kind) {
      case 'succeeds': {
        const { outputs, afterMs } = result;
        this.#report(afterMs, { kind: 'succeeded', task, attemptId, ...times(afterMs), outputs });
        return;
      }
      case 'fails': {
        const { fault, exitCode, afterMs } = result;
        const code = exitCode === undefined ? {} : { exitCode };
        this.#report(afterMs, { kind: 'failed', task, attemptId, ...times(afterMs), fault, ...code });
        return;
      }
      case 'losesWorker': {
        const { time } = this.#options;
        time.plan(startedAt + result.afterMs, () => this.leave(worker, result.back), attemptId);
        return;
      }
      case 'refused':
      case 'silent':
        return;
    }
  }

  #attend({ task, attemptId, awaits }: EffectOf<'attend'>): void {
    if (awaits.kind === 'signal' || awaits.kind === 'approval' || this.#taken.has(attemptId)) return;
    this.#taken.add(attemptId);
    const result = this.#resultOf(task, attemptId, undefined);
    const common = { ...this.#conclusion, task, attemptId };
    if (result.kind === 'succeeds') {
      const { outputs, afterMs } = result;
      this.#later(afterMs, attemptId, { ...common, result: 'succeeded', outputs });
    } else if (result.kind === 'fails') {
      this.#later(result.afterMs, attemptId, { ...common, result: 'failed', fault: result.fault });
    } else if (result.kind !== 'silent') {
      throw new AppError('BAD_REQUEST', `${task} is run by no worker: it can succeed, fail, or never report`);
    }
  }

  #cancel(task: TaskName, attemptId: AttemptId): void {
    const startedAt = this.#live.get(attemptId)?.startedAt;
    this.#forget(attemptId);
    // An offer that comes after this is not taken.
    this.#taken.add(attemptId);
    const finishedAt = this.#options.time.now();
    const begun = startedAt === undefined ? {} : { startedAt };
    this.#report(0, { kind: 'cancelled', task, attemptId, ...begun, finishedAt });
  }

  #resultOf(task: TaskName, attemptId: AttemptId, worker: WorkerId | undefined): Result {
    const { results, instance } = this.#options;
    const { actor, snapshot } = this.#run;
    const found = findTask(actor.plan, snapshot.context, task);
    if (found === undefined) throw new Error(`the run has no task ${task}`);
    const { params, needs } = attemptInputs(actor.plan, snapshot.context, { task: found.planned, instance, attemptId });
    const { item } = found.planned;
    const map = item === undefined ? undefined : actor.plan.tasks[item.map]?.definition.name;
    const attempt: PlayedAttempt = {
      task,
      attempt: found.state.context.attempt,
      item: item?.item,
      worker,
      params,
      needs,
    };
    return resultOf(results[task] ?? (map === undefined ? undefined : results[map]), attempt);
  }

  /** A task that waited has a slot now. The owner that waited may be another one when it hears of it. */
  #assignLate(task: TaskName, placement: Placement): void {
    const { time } = this.#options;
    const owner = this.#ownerCount;
    time.plan(time.now(), () => {
      if (owner !== this.#ownerCount || !this.#run.isOwned) return;
      this.#run.ask({ type: 'AssignTask', now: 0, task, ...placement }, `slot.${placement.attemptId}`);
      const { actor, snapshot } = this.#run;
      const current = taskStateOf(actor.plan, snapshot.context, task)?.context.current;
      if (current?.attemptId !== placement.attemptId) this.#workers.release(placement.attemptId);
    });
  }

  #report(afterMs: number, told: Told): void {
    const { instance, lossesMax, chance: random } = this.#options;
    const report = { ...told, instance, sequence: 1 } as AttemptReport;
    const command = { type: 'RecordReport' as const, now: 0, random, report, lossesMax };
    this.#later(afterMs, told.attemptId, command, `report.${told.attemptId}.${told.kind}`);
  }

  #later(afterMs: number, attemptId: AttemptId, command: WorkflowInstanceCommand, causationId?: string): void {
    const { time } = this.#options;
    const tell = (): void => this.#tell(causationId ?? `child.${attemptId}`, command);
    time.plan(time.now() + afterMs, tell, attemptId);
  }

  #tell(causationId: string, command: WorkflowInstanceCommand): void {
    this.#run.ask(command, causationId);
  }

  #forget(attemptId: AttemptId): void {
    this.#options.time.forget(attemptId);
    this.#live.delete(attemptId);
  }
}
