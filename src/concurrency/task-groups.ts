/**
 * Task groups that this master owns: who asks for slots, who gives them back, what people set. Holders whose turn is over are
 * found now and then from the histories of their runs (I8), should a release have been lost.
 */
import { z } from 'zod';
import { isTurnOver } from '../../actors/task-group/slot-need.ts';
import { taskGroupActor } from '../../actors/task-group/task-group.actor.ts';
import type { TaskGroupEffect } from '../../actors/task-group/task-group.effects.ts';
import type { TaskGroupSnapshot } from '../../actors/task-group/task-group.machine.ts';
import { findHolder } from '../../actors/task-group/task-group.state.ts';
import { slotReason, taskGroupView } from '../../actors/task-group/task-group.view.ts';
import type { TaskGroupCommand } from '../../schemas/commands/concurrency.commands.ts';
import { prioritySchema } from '../../schemas/definition/workflow.definition.ts';
import { type SlotHolder, type TaskGroupEvent, taskGroupEvents } from '../../schemas/events/task-group.events.ts';
import { type InstanceId, instanceIdSchema, runTaskNameSchema, type TaskGroupName } from '../../schemas/ids.ts';
import {
  type SlotState,
  type SlotSync,
  slotSyncSchema,
  type TaskGroupView,
} from '../../schemas/messages/concurrency.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { checkOutcome, ownerUnknown } from '../actor-host/actor-calls.ts';
import type { ActorHost } from '../actor-host/actor-host.ts';
import type { HostedKind } from '../actor-host/actor-kind.ts';
import type { HostedActor } from '../actor-host/hosted-actor.ts';
import type { Clock } from '../clock/clock.port.ts';
import { actorStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import { ActorWatch } from './actor-watch.ts';
import type { RunStates } from './run-states.ts';

export const taskGroupKind: HostedKind<TaskGroupSnapshot, TaskGroupEvent, TaskGroupCommand, TaskGroupEffect> = {
  kind: 'taskGroup',
  actor: taskGroupActor,
  eventTypes: Object.keys(taskGroupEvents),
};

export type TaskGroup = HostedActor<TaskGroupSnapshot, TaskGroupEvent, TaskGroupCommand, TaskGroupEffect>;
export type TaskGroupHost = ActorHost<TaskGroupSnapshot, TaskGroupEvent, TaskGroupCommand, TaskGroupEffect>;

const asked = { key: z.string(), by: z.string(), reason: z.string().optional() };
const waiting = { instance: instanceIdSchema, task: runTaskNameSchema };

const groupQuestionSchema = z.discriminatedUnion('type', [
  slotSyncSchema.extend({ type: z.literal('sync') }),
  z.object({
    type: z.literal('configure'),
    slots: z.int().min(0).optional(),
    isOpen: z.boolean().optional(),
    ...asked,
  }),
  z.object({ type: z.literal('force'), ...waiting, ...asked }),
  z.object({ type: z.literal('priority'), ...waiting, priority: prioritySchema, ...asked }),
]);

export type GroupQuestion = z.input<typeof groupQuestionSchema>;

export type TaskGroupsOptions = {
  transport: Transport;
  journal: Journal;
  runs: RunStates;
  clock: Clock;
  log: Log;
  checkIntervalMs: number;
};

/** The epoch of a run's owner, and the sequence of its message. */
type Heard = { epoch: number; sequence: number };

const viewListMax = 100;
const toldMax = 500;

export class TaskGroups {
  readonly #options: TaskGroupsOptions;
  readonly #watch: ActorWatch<TaskGroup>;
  /** What each run's owner has said last: neither a former owner is heard after it, nor what the same one said before. */
  readonly #heard = new WeakMap<TaskGroup, Map<InstanceId, Heard>>();
  /** Runs whose epoch was read from the journal. */
  readonly #learned = new WeakMap<TaskGroup, Set<InstanceId>>();
  /** What is said later is not heard before. */
  readonly #learning = new WeakMap<TaskGroup, Promise<void>>();

  constructor(options: TaskGroupsOptions) {
    this.#options = options;
    this.#watch = new ActorWatch({
      clock: options.clock,
      log: options.log,
      intervalMs: options.checkIntervalMs,
      isNeeded: ({ snapshot: { context } }) => context.holders.length + context.waiting.length > 0,
      check: (group) => this.#check(group),
    });
  }

  answer(effect: TaskGroupEffect): TaskGroupCommand | undefined {
    return effect.type === 'grantSlots' ? { type: 'GrantSlots', now: this.#options.clock.now() } : undefined;
  }

  runEffect(group: TaskGroup, effect: TaskGroupEffect): void {
    switch (effect.type) {
      case 'grantSlots':
        return; // Done by `answer`.
      case 'tellHolder':
        this.#tell(group, [effect.holder]);
        return;
      case 'tellWaiting':
        this.#tell(
          group,
          group.snapshot.context.waiting.slice(0, toldMax).map(({ holder }) => holder),
        );
        return;
      case 'watchHolders':
        this.#watch.start(group);
        return;
    }
  }

  /** A question to a group that is owned here. @throws AppError */
  async handle(group: TaskGroup, question: unknown): Promise<unknown> {
    const asks = parseBody(groupQuestionSchema, question, 'a question to a task group');
    const now = this.#options.clock.now();
    switch (asks.type) {
      case 'sync':
        return this.#sync(group, asks);
      case 'configure': {
        const { slots, isOpen } = asks;
        const set = { ...(slots === undefined ? {} : { slots }), ...(isOpen === undefined ? {} : { isOpen }) };
        return this.#order(group, { type: 'ConfigureGroup', now, ...set, ...askedOf(asks) });
      }
      case 'force': {
        const { instance, task } = asks;
        return this.#order(group, { type: 'ForceSlot', now, instance, task, ...askedOf(asks) });
      }
      case 'priority': {
        const { instance, task, priority } = asks;
        return this.#order(group, { type: 'ChangeSlotPriority', now, instance, task, priority, ...askedOf(asks) });
      }
    }
  }

  stop(): void {
    this.#watch.stop();
  }

  async #order(group: TaskGroup, command: TaskGroupCommand & { key: string }): Promise<TaskGroupView> {
    checkOutcome(await group.ask(command, `command.${command.key}`), 'taskGroup', group.id);
    return taskGroupView(group.id as TaskGroupName, group.snapshot, viewListMax);
  }

  /** Releases first: whoever gives slots back and asks anew stands at the end of the line. */
  async #sync(group: TaskGroup, { sequence, requests, releases }: SlotSync): Promise<unknown> {
    const learned = (this.#learning.get(group) ?? Promise.resolve()).then(() => this.#learnEpochs(group, releases));
    this.#learning.set(
      group,
      learned.catch(() => {}),
    );
    await learned;
    const now = this.#options.clock.now();
    const isHeard = this.#listenTo(group, sequence, [...requests, ...releases]);
    const commands: TaskGroupCommand[] = [];
    for (const { holder, why, epoch } of releases) {
      if (isHeard(holder, epoch)) commands.push({ type: 'ReleaseSlot', now, holder, why });
    }
    for (const { holder, priority, slots, epoch } of requests) {
      if (isHeard(holder, epoch)) commands.push({ type: 'RequestSlot', now, holder, priority, slots });
    }
    const outcomes = await Promise.all(commands.map((command) => group.ask(command, 'slots')));
    for (const outcome of outcomes) checkOutcome(outcome, 'taskGroup', group.id);
    const isUnwritten = outcomes.some((outcome) => outcome.kind === 'durable' && outcome.eventCount === 0);
    const holders = requests.map(({ holder }) => holder);
    const states = statesOf(group, holders);
    const isAnyGranted = states.some(({ state }) => state === 'granted');
    if (isUnwritten && isAnyGranted && (await this.#isOvertaken(group))) throw ownerUnknown('taskGroup', group.id);
    return { group: group.id, states };
  }

  /**
   * A former owner of the group may have heard a later owner of the run than this one: the journal knows. Only what is given
   * back too early does harm.
   */
  async #learnEpochs(group: TaskGroup, releases: SlotSync['releases']): Promise<void> {
    if (group.snapshot.context.epoch <= 1) return;
    const learned = this.#learned.get(group) ?? new Set<InstanceId>();
    this.#learned.set(group, learned);
    const heard = this.#heardOf(group);
    for (const instance of new Set(releases.map(({ holder }) => holder.instance))) {
      if (learned.has(instance)) continue;
      const epoch = await this.#options.runs.epoch(instance);
      const last = heard.get(instance);
      if (last === undefined || last.epoch < epoch) heard.set(instance, { epoch, sequence: 0 });
      learned.add(instance);
    }
  }

  /** Nothing was appended that would have told: a former owner may still have slots for granted that are given back. */
  async #isOvertaken(group: TaskGroup): Promise<boolean> {
    const later = this.#options.journal.read(actorStream('taskGroup', group.id), { from: group.revision + 1 });
    for await (const { type } of later) if (type === 'OwnershipTaken') return true;
    return false;
  }

  #heardOf(group: TaskGroup): Map<InstanceId, Heard> {
    const heard = this.#heard.get(group) ?? new Map<InstanceId, Heard>();
    this.#heard.set(group, heard);
    return heard;
  }

  #listenTo(group: TaskGroup, sequence: number, said: readonly { holder: SlotHolder; epoch: number }[]) {
    const heard = this.#heardOf(group);
    const isLate = ({ instance }: SlotHolder, epoch: number): boolean => {
      const last = heard.get(instance);
      return last !== undefined && (epoch < last.epoch || (epoch === last.epoch && sequence < last.sequence));
    };
    for (const { holder, epoch } of said) {
      if (!isLate(holder, epoch)) heard.set(holder.instance, { epoch, sequence });
    }
    return (holder: SlotHolder, epoch: number) => !isLate(holder, epoch);
  }

  #tell(group: TaskGroup, holders: readonly SlotHolder[]): void {
    const states = statesOf(group, holders);
    if (states.length > 0) this.#options.transport.publish(subjects.masters.slots, { group: group.id, states });
  }

  /** I8: what the histories of the runs say goes before what was told. */
  async #check(group: TaskGroup): Promise<void> {
    const { context } = group.snapshot;
    const holders = [...context.holders, ...context.waiting].map(({ holder }) => holder);
    const heard = this.#heard.get(group);
    for (const instance of heard?.keys() ?? []) {
      if (!holders.some((holder) => holder.instance === instance)) {
        heard?.delete(instance);
        this.#learned.get(group)?.delete(instance);
      }
    }
    for (const instance of new Set(holders.map((holder) => holder.instance))) {
      const run = await this.#options.runs.state(instance);
      for (const holder of holders) {
        if (holder.instance !== instance || (run !== undefined && !isTurnOver(run, holder))) continue;
        this.#options.log.info({ group: group.id, ...holder }, 'slots taken back: the turn of their holder is over');
        const command = { type: 'ReleaseSlot', now: this.#options.clock.now(), holder, why: 'notLive' } as const;
        group.send({ command, causationId: 'check' });
      }
    }
  }
}

function statesOf(group: TaskGroup, holders: readonly SlotHolder[]): SlotState[] {
  return holders.flatMap((holder): SlotState[] => {
    if (findHolder(group.snapshot.context, holder) !== undefined) return [{ holder, state: 'granted' }];
    const reason = slotReason(group.id as TaskGroupName, group.snapshot, holder);
    return reason === undefined ? [] : [{ holder, state: 'waiting', reason }];
  });
}

function askedOf({ key, by, reason }: { key: string; by: string; reason?: string | undefined }) {
  return { key, by, ...(reason === undefined ? {} : { reason }) };
}
