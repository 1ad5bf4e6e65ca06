/**
 * Child runs: the runs that `workflow` tasks start and wait for. A child is a run like any other, with its own stream, claim
 * and owner; its parent knows it by its id.
 *
 * C1 An attempt has at most one child: the child's id is made of the attempt's, and creating it twice is finding it.
 * C2 A child that was ordered is made, also by an owner whose task is to stop: else one that was delayed could still make it
 *    when nobody looks any more. Then it is stopped.
 * C3 What the parent learns of the child comes from the child's stream, and is asked for by a watch and never by a clock.
 * C4 The task ends after the child: a stop is passed on and waited for.
 */
import { childOrderOf, outputsOfRun } from '../../actors/child-runs/child-run.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { Awaited, Fault, WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { childKeyOf } from '../runs/instance-id.ts';
import type { RunEnd, RunWatch, Watch } from '../runs/run-watch.ts';
import type { Log } from '../telemetry/log.ts';
import type { Transport } from '../transport/transport.port.ts';
import { ChildCommands } from './child-commands.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance } from './live-instance.ts';
import { type SubmissionOptions, submitChild } from './submission.ts';

type ChildAwaited = Extract<Awaited, { kind: 'workflow' }>;
type Attended = Extract<WorkflowInstanceEffect, { type: 'attend' | 'leave' }>;
export type ChildEffect = Attended & { awaits: ChildAwaited };

export type ChildRunsOptions = Omit<SubmissionOptions, 'host'> & {
  host: InstanceHost;
  transport: Transport;
  watch: Pick<RunWatch, 'watchRun'>;
  clock: Clock;
  ids: IdSource;
  log: Log;
};

type Conclusion = Pick<
  Extract<WorkflowInstanceCommand, { type: 'ConcludeTask' }>,
  'result' | 'outputs' | 'fault' | 'evidence'
>;

/** One child that is started or watched here. */
type Attendance = {
  instance: LiveInstance;
  task: TaskName;
  attemptId: AttemptId;
  awaits: ChildAwaited;
  commands: ChildCommands;
  isLeaving: boolean;
  isOver: boolean;
  watch: Watch | undefined;
  timer: Timer | undefined;
};

type Made = { kind: 'made'; isNew: boolean } | { kind: 'refused'; fault: Fault };

const retryDelayMs = 500;
/** As many as one task may have. */
const outputsSizeBytesMax = 65_536;
const tasksNamedMax = 5;
const keyLengthMax = 512;

const isPassing = (fault: unknown) => fault instanceof AppError && fault.isRetryable;

function faultOf(fault: unknown): Fault {
  if (fault instanceof AppError) return { code: fault.code, message: fault.message };
  return { code: 'INTERNAL', message: fault instanceof Error ? fault.message : String(fault) };
}

/** Who steers a child, as its stream names it. */
const nameOf = ({ id }: LiveInstance) => `run ${id}`;

export class ChildRuns {
  readonly #options: ChildRunsOptions;
  readonly #attended = new Map<AttemptId, Attendance>();

  constructor(options: ChildRunsOptions) {
    this.#options = options;
  }

  /** Children that are started or watched. */
  get count(): number {
    return this.#attended.size;
  }

  attend(instance: LiveInstance, effect: ChildEffect): void {
    this.#attendanceOf(instance, effect);
  }

  /** The task is to stop, or took too long: so does the child. The task ends when the child has. */
  leave(instance: LiveInstance, effect: ChildEffect): void {
    const attendance = this.#attendanceOf(instance, effect);
    if (attendance.isLeaving) return;
    attendance.isLeaving = true;
    if (attendance.watch !== undefined) this.#passStopOn(attendance);
  }

  /** What is durable in a parent's stream may concern its children. */
  noted(instance: LiveInstance, events: readonly { type: string; data: object }[]): void {
    if (this.#attended.size === 0) return;
    for (const event of events) {
      if (event.type !== 'WorkflowPauseRequested' && event.type !== 'WorkflowResumed') continue;
      const { key, reason } = event.data as Extract<WorkflowInstanceEvent, { type: 'WorkflowResumed' }>['data'];
      const type = event.type === 'WorkflowResumed' ? 'resume' : 'pause';
      for (const attendance of this.#attended.values()) {
        if (attendance.instance === instance) this.#passOn(attendance, type, key, reason);
      }
    }
  }

  /** The run is no longer this master's. */
  letGo(instance: LiveInstance): void {
    for (const attendance of this.#attended.values()) if (attendance.instance === instance) this.#forget(attendance);
  }

  #attendanceOf(instance: LiveInstance, { task, attemptId, awaits }: ChildEffect): Attendance {
    const known = this.#attended.get(attemptId);
    if (known !== undefined && known.instance === instance) return known;
    if (known !== undefined) this.#forget(known);
    const commands = new ChildCommands(awaits.child, this.#options);
    const idle = { isLeaving: false, isOver: false, watch: undefined, timer: undefined };
    const attendance: Attendance = { instance, task, attemptId, awaits, commands, ...idle };
    this.#attended.set(attemptId, attendance);
    void this.#begin(attendance);
    return attendance;
  }

  /** C1, C2. */
  async #begin(attendance: Attendance): Promise<void> {
    try {
      const made = await this.#create(attendance);
      if (attendance.isOver) return;
      if (made.kind === 'refused') return this.#refused(attendance, made.fault);
      this.#watch(attendance);
      if (attendance.isLeaving) this.#passStopOn(attendance);
      else void this.#agree(attendance, made.isNew);
    } catch (fault) {
      if (attendance.isOver) return;
      if (!isPassing(fault)) return this.#refused(attendance, faultOf(fault));
      this.#later(attendance, fault, 'a child run waits to be started', () => this.#begin(attendance));
    }
  }

  /** Tries again what the journal or NATS do not let happen now. */
  #later(attendance: Attendance, fault: unknown, what: string, again: () => Promise<void>): void {
    const { clock, log } = this.#options;
    log.warn({ instanceId: attendance.instance.id, task: attendance.task, fault }, what);
    attendance.timer = clock.after(retryDelayMs, () => void again());
  }

  async #create({ instance, task, attemptId, awaits }: Attendance): Promise<Made> {
    const { plan } = instance.actor;
    const settings = plan.find(task)?.definition.settings;
    if (settings?.type !== 'workflow')
      throw new AppError('JOURNAL_INCONSISTENT', `the task ${task} starts no child run`);
    const { context } = instance.snapshot;
    const ordered = childOrderOf({ plan, context }, instance.id, task, settings);
    if (!ordered.ok) return { kind: 'refused', fault: ordered.fault };
    const { name: workflow, version } = settings;
    const isNew = await submitChild(this.#options, {
      id: awaits.child,
      key: childKeyOf(attemptId),
      workflow,
      origin: instance.origin,
      ...ordered.order,
      ...(version === undefined ? {} : { version }),
      ...(context.priority === null ? {} : { priority: context.priority }),
    });
    return { kind: 'made', isNew };
  }

  /** C3. */
  #watch(attendance: Attendance): void {
    attendance.watch ??= this.#options.watch.watchRun(attendance.awaits.child, (end) => {
      void this.#ended(attendance, end);
    });
  }

  /** A pause or the end of one may not have been passed on by a former owner. */
  async #agree(attendance: Attendance, isNew: boolean): Promise<void> {
    const { instance, awaits } = attendance;
    const { pause } = instance.snapshot.context;
    if (pause !== null) return this.#passOn(attendance, 'pause', pause.key, pause.reason ?? undefined);
    if (isNew) return;
    try {
      const child = await this.#options.host.fold(awaits.child);
      const childPause = child?.snapshot.context.pause ?? null;
      if (attendance.isOver || attendance.isLeaving || instance.snapshot.context.pause !== null) return;
      if (childPause?.by === nameOf(instance)) this.#passOn(attendance, 'resume', childPause.key);
    } catch (fault) {
      if (attendance.isOver) return;
      this.#later(attendance, fault, 'a child run cannot be read now', () => this.#agree(attendance, isNew));
    }
  }

  /** C4. */
  #passStopOn(attendance: Attendance): void {
    const { instance, task, attemptId } = attendance;
    const state = taskStateOf(instance.actor.plan, instance.snapshot.context, task);
    const isLate = state?.context.cancelReason === 'timeout';
    this.#passOn(attendance, 'stop', attemptId, isLate ? `${task} took too long` : `${task} is being stopped`);
  }

  #passOn({ instance, commands }: Attendance, type: 'stop' | 'pause' | 'resume', key: string, reason?: string): void {
    commands.want({
      type,
      key: `${type}.${instance.id}.${key}`.slice(0, keyLengthMax),
      by: nameOf(instance),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  async #ended(attendance: Attendance, end: RunEnd): Promise<void> {
    try {
      this.#conclude(attendance, await this.#conclusionOf(attendance, end));
    } catch (fault) {
      if (attendance.isOver) return;
      if (!isPassing(fault)) return this.#conclude(attendance, { result: 'failed', fault: faultOf(fault) });
      this.#later(attendance, fault, 'a child run cannot be read now', () => this.#ended(attendance, end));
    }
  }

  async #conclusionOf({ awaits }: Attendance, end: RunEnd): Promise<Conclusion> {
    const { child, workflow } = awaits;
    const evidence = `the child run ${child} ${end.status}`;
    switch (end.status) {
      case 'succeeded':
        return { ...(await this.#outputsOf(awaits)), evidence };
      case 'failed': {
        const failed = end.failedTasks.slice(0, tasksNamedMax).join(', ');
        const message = `the child run ${child} of ${workflow} failed${failed === '' ? '' : ` in ${failed}`}`;
        return { result: 'failed', fault: { code: 'CHILD_FAILED', message }, evidence };
      }
      case 'stopped': {
        const fault = { code: 'CHILD_STOPPED', message: `the child run ${child} of ${workflow} was stopped` };
        return { result: 'stopped', fault, evidence };
      }
    }
  }

  async #outputsOf({ child, workflow }: ChildAwaited): Promise<Pick<Conclusion, 'result' | 'outputs' | 'fault'>> {
    const folded = await this.#options.host.fold(child);
    if (folded === undefined) throw new AppError('JOURNAL_INCONSISTENT', `the ended run ${child} cannot be found`);
    const { context } = folded.snapshot;
    const resolved = outputsOfRun({ plan: folded.actor.plan, context });
    const ofChild = `the child run ${child} of ${workflow}`;
    if (!resolved.ok) {
      const { code, message } = resolved.fault;
      return { result: 'failed', fault: { code, message: `${ofChild}: ${message}` } };
    }
    const sizeBytes = Buffer.byteLength(JSON.stringify(resolved.values));
    if (sizeBytes <= outputsSizeBytesMax) return { result: 'succeeded', outputs: resolved.values };
    const message = `the outputs of ${ofChild} take ${sizeBytes} bytes; at most ${outputsSizeBytesMax} are kept`;
    return { result: 'failed', fault: { code: 'OUTPUT_TOO_LARGE', message } };
  }

  #refused(attendance: Attendance, { code, message }: Fault): void {
    this.#conclude(attendance, {
      result: attendance.isLeaving ? 'stopped' : 'failed',
      fault: { code, message: `no child run was started: ${message}` },
    });
  }

  #conclude(attendance: Attendance, conclusion: Conclusion): void {
    if (attendance.isOver) return;
    const { clock, ids } = this.#options;
    const { instance, task, attemptId, awaits } = attendance;
    this.#forget(attendance);
    const command = { type: 'ConcludeTask', now: clock.now(), random: ids.random(), task, attemptId } as const;
    instance.send({ command: { ...command, ...conclusion }, causationId: `child.${awaits.child}` });
  }

  #forget(attendance: Attendance): void {
    attendance.isOver = true;
    attendance.watch?.stop();
    attendance.timer?.cancel();
    attendance.commands.stop();
    if (this.#attended.get(attendance.attemptId) === attendance) this.#attended.delete(attendance.attemptId);
  }
}
