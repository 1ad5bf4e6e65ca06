/**
 * The orders to the cluster, where this master owns their stream: what people ask, and the end of crowns whose task has
 * ended. Every master obeys the orders by following the stream (`operations-follower.ts`).
 */
import { z } from 'zod';
import { clusterOperationsActor } from '../../actors/cluster-operations/cluster-operations.actor.ts';
import type { ClusterOperationsEffect } from '../../actors/cluster-operations/cluster-operations.effects.ts';
import type { ClusterOperationsSnapshot } from '../../actors/cluster-operations/cluster-operations.machine.ts';
import type { Crown } from '../../actors/cluster-operations/cluster-operations.state.ts';
import { operationsView } from '../../actors/cluster-operations/cluster-operations.view.ts';
import { at } from '../../actors/kit/persistent-vector.ts';
import type { SlotRun } from '../../actors/task-group/slot-need.ts';
import { hasEnded, type TaskStatus } from '../../actors/task-instance/task-instance.state.ts';
import type { ClusterOperationsCommand } from '../../schemas/commands/concurrency.commands.ts';
import {
  type ClusterOperationsEvent,
  type CrownEnd,
  clusterOperationsEvents,
  crownEndSchema,
  frozenSchema,
} from '../../schemas/events/cluster-operations.events.ts';
import { instanceIdSchema, type TaskName, taskNameSchema } from '../../schemas/ids.ts';
import type { OperationsReply } from '../../schemas/messages/concurrency.messages.ts';
import { checkOutcome } from '../actor-host/actor-calls.ts';
import type { ActorHost } from '../actor-host/actor-host.ts';
import type { HostedKind } from '../actor-host/actor-kind.ts';
import type { HostedActor } from '../actor-host/hosted-actor.ts';
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import { parseBody } from '../transport/parse-body.ts';
import { ActorWatch } from './actor-watch.ts';
import type { RunStates } from './run-states.ts';

type Kind = HostedKind<
  ClusterOperationsSnapshot,
  ClusterOperationsEvent,
  ClusterOperationsCommand,
  ClusterOperationsEffect
>;

export const operationsKind: Kind = {
  kind: 'clusterOperations',
  actor: clusterOperationsActor,
  eventTypes: Object.keys(clusterOperationsEvents),
};

export type OperationsActor = HostedActor<
  ClusterOperationsSnapshot,
  ClusterOperationsEvent,
  ClusterOperationsCommand,
  ClusterOperationsEffect
>;
export type OperationsHost = ActorHost<
  ClusterOperationsSnapshot,
  ClusterOperationsEvent,
  ClusterOperationsCommand,
  ClusterOperationsEffect
>;

const asked = { key: z.string(), by: z.string(), reason: z.string().optional() };

const operationQuestionSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('crown'),
    instance: instanceIdSchema,
    task: taskNameSchema,
    upstreams: z.array(taskNameSchema).optional(),
    ...asked,
  }),
  z.object({ type: z.literal('uncrown'), id: z.string(), why: crownEndSchema, ...asked }),
  z.object({ type: z.literal('freeze'), target: frozenSchema, ...asked }),
  z.object({ type: z.literal('unfreeze'), target: frozenSchema, ...asked }),
  z.object({ type: z.literal('list') }),
]);

export type OperationQuestion = z.input<typeof operationQuestionSchema>;
type CrownQuestion = Extract<z.output<typeof operationQuestionSchema>, { type: 'crown' }>;

export type OperationsOptions = { runs: RunStates; clock: Clock; log: Log; checkIntervalMs: number };

export class Operations {
  readonly #options: OperationsOptions;
  readonly #watch: ActorWatch<OperationsActor>;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#watch = new ActorWatch({
      clock: options.clock,
      log: options.log,
      intervalMs: options.checkIntervalMs,
      isNeeded: ({ snapshot }) => snapshot.context.crowns.length > 0,
      check: (actor) => this.#check(actor),
    });
  }

  /** The one effect: crowns are looked after. */
  runEffect(actor: OperationsActor): void {
    this.#watch.start(actor);
  }

  /** A question to the operations, where they are owned here. @throws AppError */
  async handle(actor: OperationsActor, question: unknown): Promise<OperationsReply> {
    const asks = parseBody(operationQuestionSchema, question, 'an operation');
    if (asks.type !== 'list') {
      const command = await this.#commandOf(asks);
      checkOutcome(await actor.ask(command, `command.${asks.key}`), 'clusterOperations', actor.id);
    }
    return operationsView(actor.snapshot.context);
  }

  stop(): void {
    this.#watch.stop();
  }

  async #commandOf(
    asks: Exclude<z.output<typeof operationQuestionSchema>, { type: 'list' }>,
  ): Promise<ClusterOperationsCommand> {
    const now = this.#options.clock.now();
    const { key, by, reason } = asks;
    const common = { now, key, by, ...(reason === undefined ? {} : { reason }) };
    switch (asks.type) {
      case 'crown': {
        const { instance, task } = asks;
        const upstreams = await this.#upstreamsOf(asks);
        return { type: 'PlaceCrown', id: key, instance, task, upstreams, ...common };
      }
      case 'uncrown': {
        const { id, why } = asks;
        return { type: 'RemoveCrown', now, id, why, by, ...(reason === undefined ? {} : { reason }) };
      }
      case 'freeze':
        return { type: 'Freeze', target: asks.target, ...common };
      case 'unfreeze':
        return { type: 'Unfreeze', target: asks.target, ...common };
    }
  }

  /** What the crowned task needs must be able to run, or to have run: else the crown would hold the cluster for nothing. */
  async #upstreamsOf({ instance, task, upstreams }: CrownQuestion): Promise<TaskName[]> {
    const run = await this.#options.runs.state(instance);
    if (run === undefined) throw new AppError('INSTANCE_NOT_FOUND', `there is no run ${instance}`);
    const planned = run.plan.tasks[run.plan.indexOf(task) ?? -1];
    if (planned === undefined) throw new AppError('ATTEMPT_NOT_FOUND', `the run ${instance} has no task ${task}`);
    const status = statusOf(run, task);
    if (status !== undefined && hasEnded(status)) {
      throw new AppError('COMMAND_NOT_ALLOWED', `the task ${task} of ${instance} is ${status} already`);
    }
    if (run.value === 'queued') {
      const message = `the run ${instance} waits for its turn, which other runs have: stop those, or crown it when it has begun`;
      throw new AppError('COMMAND_NOT_ALLOWED', message);
    }
    const { needs } = planned.definition;
    const chosen = upstreams ?? needs;
    for (const name of chosen) {
      if (needs.includes(name)) continue;
      throw new AppError('BAD_REQUEST', `the task ${task} does not need ${name}; it needs ${needs.join(', ')}`);
    }
    const open = needs.filter((name) => !chosen.includes(name) && !isOver(run, name));
    if (open.length === 0) return [...chosen];
    const message = `the task ${task} also needs ${open.join(', ')}, not ended yet; crown with them, or skip them first`;
    throw new AppError('COMMAND_NOT_ALLOWED', message);
  }

  async #check(actor: OperationsActor): Promise<void> {
    for (const crown of actor.snapshot.context.crowns) {
      const why = crownEndIn(await this.#options.runs.state(crown.instance), crown);
      if (why === undefined) continue;
      const command = {
        type: 'RemoveCrown',
        now: this.#options.clock.now(),
        id: crown.id,
        why,
        by: 'millrace',
      } as const;
      actor.send({ command, causationId: 'check' });
    }
  }
}

/** How the crown ends, if its task or its run has; undefined while it goes on. */
export function crownEndIn(run: SlotRun | undefined, { task }: Pick<Crown, 'task'>): CrownEnd | undefined {
  const status = run === undefined ? undefined : statusOf(run, task);
  if (status === undefined) return 'runEnded';
  if (status === 'succeeded') return 'succeeded';
  return hasEnded(status) ? 'taskEnded' : undefined;
}

function isOver(run: SlotRun, task: TaskName): boolean {
  const status = statusOf(run, task);
  return status === undefined || hasEnded(status);
}

function statusOf({ plan, context }: SlotRun, task: TaskName): TaskStatus | undefined {
  const index = plan.indexOf(task);
  return index === undefined ? undefined : at(context.tasks, index).status;
}
