/**
 * Queues of workflows that this master owns. That a run has ended they learn from the journal, as the list of runs does
 * (`src/runs/run-projection.ts`): an end that the list shows is never missed by a queue that is looked at after it.
 */
import { z } from 'zod';
import { isEnded } from '../../actors/workflow-instance/workflow-instance.state.ts';
import { workflowQueueActor } from '../../actors/workflow-queue/workflow-queue.actor.ts';
import type { WorkflowQueueEffect } from '../../actors/workflow-queue/workflow-queue.effects.ts';
import { roundOf } from '../../actors/workflow-queue/workflow-queue.fold.ts';
import type { WorkflowQueueSnapshot } from '../../actors/workflow-queue/workflow-queue.machine.ts';
import { isMember, type Member, memberOf, membersOf } from '../../actors/workflow-queue/workflow-queue.state.ts';
import { admissionOf } from '../../actors/workflow-queue/workflow-queue.view.ts';
import type { WorkflowQueueCommand } from '../../schemas/commands/concurrency.commands.ts';
import { type WorkflowQueueEvent, workflowQueueEvents } from '../../schemas/events/workflow-queue.events.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { type AdmissionState, admissionRequestSchema } from '../../schemas/messages/concurrency.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { checkOutcome } from '../actor-host/actor-calls.ts';
import type { ActorHost } from '../actor-host/actor-host.ts';
import type { HostedKind } from '../actor-host/actor-kind.ts';
import type { HostedActor } from '../actor-host/hosted-actor.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import type { Log } from '../telemetry/log.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
import { ActorWatch } from './actor-watch.ts';
import type { RunStates } from './run-states.ts';

export const workflowQueueKind: HostedKind<
  WorkflowQueueSnapshot,
  WorkflowQueueEvent,
  WorkflowQueueCommand,
  WorkflowQueueEffect
> = { kind: 'workflowQueue', actor: workflowQueueActor, eventTypes: Object.keys(workflowQueueEvents) };

export type WorkflowQueue = HostedActor<
  WorkflowQueueSnapshot,
  WorkflowQueueEvent,
  WorkflowQueueCommand,
  WorkflowQueueEffect
>;
export type WorkflowQueueHost = ActorHost<
  WorkflowQueueSnapshot,
  WorkflowQueueEvent,
  WorkflowQueueCommand,
  WorkflowQueueEffect
>;

export type WorkflowQueuesOptions = {
  transport: Transport;
  index: Pick<RunIndex, 'get'>;
  runs: RunStates;
  host: () => WorkflowQueueHost;
  clock: Clock;
  log: Log;
  checkIntervalMs: number;
};

const stopTimeoutMs = 5_000;
const stopRetryDelayMs = 500;
const commandReplySchema = z.object({ revision: z.int() });

export class WorkflowQueues {
  readonly #options: WorkflowQueuesOptions;
  readonly #watch: ActorWatch<WorkflowQueue>;
  /** Stops that are being asked for, by run and key. */
  readonly #stopping = new Set<string>();
  #isStopped = false;

  constructor(options: WorkflowQueuesOptions) {
    this.#options = options;
    this.#watch = new ActorWatch({
      clock: options.clock,
      log: options.log,
      intervalMs: options.checkIntervalMs,
      isNeeded: (queue) => membersOf(queue.snapshot.context).length > 0,
      check: async (queue) => this.#check(queue),
    });
  }

  answer(effect: WorkflowQueueEffect): WorkflowQueueCommand | undefined {
    return effect.type === 'admitNext' ? { type: 'AdmitNext', now: this.#options.clock.now() } : undefined;
  }

  runEffect(queue: WorkflowQueue, effect: WorkflowQueueEffect): void {
    switch (effect.type) {
      case 'admitNext':
        return; // Done by `answer`.
      case 'tellRun':
        this.#tell(queue, effect.instance);
        return;
      case 'preemptRun':
        void this.#preempt(queue, effect.instance, effect.by);
        return;
      case 'watchRuns':
        // Ends that were listed before this master had the queue.
        this.#check(queue);
        this.#watch.start(queue);
        return;
    }
  }

  /** A run asks for its turn. @throws AppError */
  async handle(queue: WorkflowQueue, question: unknown): Promise<AdmissionState> {
    const { round, ...request } = parseBody(admissionRequestSchema, question, 'a request for a turn');
    const { instance, concurrency } = request;
    const workflow = queue.id as WorkflowName;
    if (await this.#hasEnded({ instance, ...roundOf({ round }) }))
      return { state: 'left', evidence: `the run ${instance} has ended` };
    const isNew = !isMember(queue.snapshot.context, instance);
    // Whoever is not to wait must not be turned away because of one whose end is just being told.
    if (isNew && (concurrency.policy === 'discard' || concurrency.policy === 'priority')) await this.#leaveEnded(queue);
    const now = this.#options.clock.now();
    const command = { type: 'RequestAdmission', now, ...request, ...roundOf({ round }) } as const;
    checkOutcome(await queue.ask(command, `admission.${instance}`), 'workflowQueue', workflow);
    return admissionOf(workflow, queue.snapshot.context, instance);
  }

  /** The list of runs shows that the run has ended. */
  runEnded(instance: InstanceId): void {
    const run = this.#options.index.get(instance);
    const queue = run === undefined ? undefined : this.#options.host().find(run.workflow);
    if (queue !== undefined) void this.#leaveIfEnded(queue, memberOf(queue.snapshot.context, instance));
  }

  stop(): void {
    this.#isStopped = true;
    this.#watch.stop();
  }

  #check(queue: WorkflowQueue): void {
    for (const member of membersOf(queue.snapshot.context)) void this.#leaveIfEnded(queue, member);
  }

  async #leaveIfEnded(queue: WorkflowQueue, member: Member | undefined): Promise<void> {
    if (member === undefined || !this.#isListedAsEnded(member.instance)) return;
    // Reason for the short cut: of a run that was never opened again the list is right, and asked at each end of a run.
    if (member.round === undefined) return this.#leave(queue, member);
    try {
      if (await this.#hasEnded(member)) this.#leave(queue, member);
    } catch (fault) {
      this.#options.log.warn({ instanceId: member.instance, fault }, 'a run of a queue cannot be read now');
    }
  }

  async #leaveEnded(queue: WorkflowQueue): Promise<void> {
    for (const member of queue.snapshot.context.active) {
      if (await this.#isOver(member.instance)) this.#leave(queue, member);
    }
  }

  #leave(queue: WorkflowQueue, { instance, round }: Member): void {
    const command = { type: 'LeaveQueue', now: this.#options.clock.now(), instance, ...roundOf({ round }) } as const;
    queue.send({ command, causationId: `end.${instance}` });
  }

  #isListedAsEnded(instance: InstanceId): boolean {
    return this.#options.index.get(instance)?.finishedAt !== undefined;
  }

  /** Of a run that was opened again the list may still show an earlier end: its stream knows. */
  async #hasEnded({ instance, round }: Member): Promise<boolean> {
    return this.#isListedAsEnded(instance) && (round === undefined || (await this.#isOver(instance)));
  }

  async #isOver(instance: InstanceId): Promise<boolean> {
    const run = await this.#options.runs.state(instance);
    return run === undefined || isEnded(run.value);
  }

  #tell(queue: WorkflowQueue, instance: InstanceId): void {
    const workflow = queue.id as WorkflowName;
    const state = admissionOf(workflow, queue.snapshot.context, instance);
    this.#options.transport.publish(subjects.masters.admission, { workflow, instance, ...state });
  }

  /** Repeats until the run's owner has taken the order, or the run has left. One that was opened again since is not meant. */
  async #preempt(queue: WorkflowQueue, instance: InstanceId, by: InstanceId): Promise<void> {
    const round = memberOf(queue.snapshot.context, instance)?.round ?? 0;
    const key = round === 0 ? `preempted.${by}` : `preempted.${by}.${round}`;
    const stopping = `${instance} ${key}`;
    if (this.#stopping.has(stopping)) return;
    this.#stopping.add(stopping);
    const { transport, clock } = this.#options;
    const reason = `the run ${by} takes its place`;
    const body = { type: 'stop', instance, key, by: `workflowQueue ${queue.id}`, reason, round };
    while (!this.#isStopped && !queue.isDropped && isInRound(queue, instance, round)) {
      const result = await tryRequest(transport, subjects.command, body, { timeoutMs: stopTimeoutMs });
      if (result.kind === 'answer' && commandReplySchema.safeParse(result.body).success) break;
      await new Promise<void>((resolve) => {
        clock.after(stopRetryDelayMs, resolve);
      });
    }
    this.#stopping.delete(stopping);
  }
}

function isInRound(queue: WorkflowQueue, instance: InstanceId, round: number): boolean {
  const member = memberOf(queue.snapshot.context, instance);
  return member !== undefined && (member.round ?? 0) === round;
}
