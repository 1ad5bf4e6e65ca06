/**
 * Everything by which runs wait for each other: task groups, queues of workflows, crowns and freezes. The actors are hosted
 * here, each by one master at a time; the runs of this master ask them, wherever they are.
 */
import { definedNameOf } from '../../actors/map/item-name.ts';
import type { ClusterOperationsCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { Incarnation, InstanceId, MasterId, TaskName } from '../../schemas/ids.ts';
import { admissionNoticeSchema, slotStatesSchema } from '../../schemas/messages/concurrency.messages.ts';
import { operationsId, subjects } from '../../schemas/messages/subjects.ts';
import { ActorCalls } from '../actor-host/actor-calls.ts';
import { ActorHost, type ActorHostOptions } from '../actor-host/actor-host.ts';
import type { ActorEvent, HostedKind, HostedSnapshot } from '../actor-host/actor-kind.ts';
import { ActorRecovery } from '../actor-host/actor-recovery.ts';
import type { Bucket } from '../buckets/bucket.port.ts';
import { createClaimBookOf } from '../claims/claim-book.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { PlaceRequest } from '../dispatch/held-tasks.ts';
import { streamPrefixes } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { FoldedRun } from '../master/fold-run.ts';
import type { LiveInstance } from '../master/live-instance.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import type { RunChange, RunIndex } from '../runs/run-index.port.ts';
import type { OwnershipTaken } from '../runs/run-projection.ts';
import type { Log } from '../telemetry/log.ts';
import type { Subscription, Transport } from '../transport/transport.port.ts';
import { Admissions } from './admissions.ts';
import { ConcurrencyMessages } from './concurrency-messages.ts';
import { crownEndIn, Operations, type OperationsHost, operationsKind } from './operations.ts';
import { OperationsFollower } from './operations-follower.ts';
import { RunSlots, type RunSlotsOptions } from './run-slots.ts';
import { createRunStates, type RunStates } from './run-states.ts';
import { type TaskGroupHost, TaskGroups, taskGroupKind } from './task-groups.ts';
import { type WorkflowQueueHost, WorkflowQueues, workflowQueueKind } from './workflow-queues.ts';

export type ConcurrencyOptions = {
  id: MasterId;
  incarnation: Incarnation;
  host: string;
  config: { takeoverGraceMs: number; actorCheckIntervalMs: number; slotRepeatIntervalMs: number };
  transport: Transport;
  journal: Journal;
  claims: Bucket;
  members: MemberDirectory;
  index: RunIndex;
  clock: Clock;
  ids: IdSource;
  log: Log;
  runs: { find(id: InstanceId): LiveInstance | undefined; fold(id: InstanceId): Promise<FoldedRun | undefined> };
  /** Effects of actors that this master may have lost wait until its membership is renewed. */
  pass: (action: () => void) => void;
  /** Of the runs of this master. */
  effects: () => Pick<RunSlotsOptions, 'place' | 'hold'>;
  dispatcher: () => Pick<Dispatcher, 'recheck' | 'isHeld'>;
};

export class ConcurrencyService {
  readonly slots: RunSlots;
  readonly admissions: Admissions;
  readonly #options: ConcurrencyOptions;
  readonly #runs: RunStates;
  readonly #calls: ActorCalls;
  readonly #groups: TaskGroups;
  readonly #queues: WorkflowQueues;
  readonly #operations: Operations;
  readonly #follower: OperationsFollower;
  readonly #groupHost: TaskGroupHost;
  readonly #queueHost: WorkflowQueueHost;
  readonly #operationsHost: OperationsHost;
  readonly #recovery: ActorRecovery;
  readonly #messages: ConcurrencyMessages;
  readonly #subscriptions: Subscription[] = [];
  #ordersTimer: Timer | undefined;

  constructor(options: ConcurrencyOptions) {
    this.#options = options;
    const { clock, log, config, transport, index, runs } = options;
    const common = { clock, log, checkIntervalMs: config.actorCheckIntervalMs };
    this.#runs = createRunStates(runs);
    this.#calls = new ActorCalls(transport);
    this.#groups = new TaskGroups({ ...common, transport, journal: options.journal, runs: this.#runs });
    this.#queues = new WorkflowQueues({
      ...common,
      transport,
      index,
      runs: this.#runs,
      host: () => this.#queueHost,
    });
    this.#operations = new Operations({ ...common, runs: this.#runs });
    this.#groupHost = this.#hostOf(taskGroupKind, this.#groups);
    this.#queueHost = this.#hostOf(workflowQueueKind, this.#queues);
    this.#operationsHost = this.#hostOf(operationsKind, {
      answer: (): ClusterOperationsCommand | undefined => undefined,
      runEffect: (actor) => this.#operations.runEffect(actor),
    });
    this.#calls.serve(this.#groupHost, (group, question) => this.#groups.handle(group, question));
    this.#calls.serve(this.#queueHost, (queue, question) => this.#queues.handle(queue, question));
    this.#calls.serve(this.#operationsHost, (actor, question) => this.#operations.handle(actor, question));
    this.#follower = new OperationsFollower({ journal: options.journal, log, onChange: () => this.#ordersChanged() });
    this.#recovery = this.#createRecovery();
    this.#messages = new ConcurrencyMessages({
      ...options,
      calls: this.#calls,
      groups: this.#groupHost,
      groupNames: () => this.#follower.groups,
    });
    this.slots = this.#createSlots();
    this.admissions = new Admissions({
      ask: (workflow, question) => this.#calls.ask('workflowQueue', workflow, question),
      find: (id) => runs.find(id),
      clock,
      log,
      repeatIntervalMs: config.slotRepeatIntervalMs,
    });
  }

  /** From here on this master follows the orders, answers questions, and owns actors. */
  start(): void {
    const { transport, members, log } = this.#options;
    this.#follower.start();
    this.#messages.start();
    this.#subscriptions.push(
      transport.subscribe(subjects.masters.slots, ({ body }) => {
        const parsed = slotStatesSchema.safeParse(body);
        if (parsed.success) this.slots.take(parsed.data);
        else log.warn({ problem: parsed.error.message }, 'a message of slots cannot be read');
      }),
      transport.subscribe(subjects.masters.admission, ({ body }) => {
        const parsed = admissionNoticeSchema.safeParse(body);
        if (parsed.success) this.admissions.take(parsed.data);
        else log.warn({ problem: parsed.error.message }, 'a message of admission cannot be read');
      }),
    );
    // The actors of a master that is gone fall to others.
    members.onChange(({ kind, member }) => {
      if (kind === 'gone' && member.kind === 'master') this.#recovery.trigger();
    });
    this.#recovery.trigger();
    this.#watchOrders();
  }

  async stop(): Promise<void> {
    this.#ordersTimer?.cancel();
    for (const subscription of this.#subscriptions) subscription.stop();
    this.#messages.stop();
    this.#follower.stop();
    this.slots.stop();
    this.admissions.stop();
    this.#groups.stop();
    this.#queues.stop();
    this.#operations.stop();
    await this.#recovery.stop();
    await Promise.all([this.#groupHost.stop(), this.#queueHost.stop(), this.#operationsHost.stop()]);
  }

  /** What the dispatcher asks before it places a task. */
  holdOf({ instance: id, task, group }: PlaceRequest) {
    const instance = this.#options.runs.find(id);
    if (instance === undefined) return undefined;
    const parent = instance.snapshot.context.parent?.instance;
    const placeable = {
      instance: id,
      workflow: instance.workflow,
      // What holds a map holds its items.
      task: definedNameOf(task),
      group,
      ...(parent === undefined ? {} : { parent }),
    };
    return this.#follower.holdOf(placeable, instance.actor.plan);
  }

  #isOrdered(instance: LiveInstance, task: TaskName): boolean {
    const { plan } = instance.actor;
    const definition = plan.find(task)?.definition;
    if (definition === undefined) return false;
    const { workerGroup: group, priority } = definition;
    return this.holdOf({ instance: instance.id, task, group, priority }) !== undefined;
  }

  /** A run was taken over. */
  tookOver(instance: LiveInstance): void {
    this.slots.adopt(instance);
    this.#checkCrowns(instance);
  }

  /** Events of a run of this master are durable: a crowned task may have ended. */
  onDurable(instance: LiveInstance): void {
    this.#checkCrowns(instance);
  }

  letGo(instance: LiveInstance, isFinished: boolean): void {
    if (isFinished) this.slots.ended(instance);
    else this.slots.forget(instance);
  }

  /** The list of runs shows these changes. */
  applied(changes: readonly RunChange[]): void {
    for (const change of changes) {
      if (change.kind === 'status' && change.finishedAt !== undefined) this.#queues.runEnded(change.instance);
    }
  }

  /** Somebody has taken an actor that is no run, now or long ago. */
  ownershipTaken(stream: string, taken: OwnershipTaken): void {
    for (const host of [this.#groupHost, this.#queueHost, this.#operationsHost]) {
      const prefix = streamPrefixes[host.kind];
      if (stream.startsWith(prefix)) host.ownershipTaken(stream.slice(prefix.length), taken);
    }
  }

  #hostOf<Snapshot extends HostedSnapshot, Event extends ActorEvent, Command, Effect>(
    kind: HostedKind<Snapshot, Event, Command, Effect>,
    service: Pick<ActorHostOptions<Snapshot, Event, Command, Effect>, 'runEffect'> & {
      answer: (effect: Effect) => Command | undefined;
    },
  ): ActorHost<Snapshot, Event, Command, Effect> {
    const { id: master, claims, pass } = this.#options;
    return new ActorHost({
      ...this.#options,
      kind,
      master,
      claims: createClaimBookOf(claims, kind.kind),
      answer: (_, effect) => service.answer(effect),
      runEffect: (actor, effect) =>
        pass(() => {
          if (!actor.isDropped) service.runEffect(actor, effect);
        }),
    });
  }

  #createRecovery(): ActorRecovery {
    const { id: master, members, clock, log, config } = this.#options;
    const hosts = [this.#groupHost, this.#queueHost, this.#operationsHost];
    return new ActorRecovery({ master, hosts, members, clock, log, graceMs: config.takeoverGraceMs });
  }

  #createSlots(): RunSlots {
    const { clock, log, config, runs, effects, dispatcher } = this.#options;
    return new RunSlots({
      send: async (group, sync) =>
        slotStatesSchema.parse(await this.#calls.ask('taskGroup', group, { type: 'sync', ...sync })),
      clock,
      log,
      repeatIntervalMs: config.slotRepeatIntervalMs,
      find: (id) => runs.find(id),
      isOrdered: (instance, task) => this.#isOrdered(instance, task),
      isParked: (id, task) => dispatcher().isHeld(id, task),
      place: (id, task) => effects().place(id, task),
      hold: (id, task, reason) => effects().hold(id, task, reason),
    });
  }

  /** Somebody must own the orders while a crown holds all else back: also when no claim tells that they have lost their owner. */
  #watchOrders(): void {
    this.#ordersTimer = this.#options.clock.after(this.#options.config.actorCheckIntervalMs, () => {
      this.#watchOrders();
      if (this.#follower.crowns.length === 0) return;
      const asked = this.#calls.ask('clusterOperations', operationsId, { type: 'list' });
      asked.catch((fault) => this.#options.log.debug({ fault }, 'the orders have no owner now; they are asked again'));
    });
  }

  #ordersChanged(): void {
    this.#options.dispatcher().recheck();
    this.slots.ordersChanged();
    for (const { instance } of this.#follower.crowns) {
      const live = this.#options.runs.find(instance);
      if (live !== undefined) this.#checkCrowns(live);
    }
  }

  /** Told at once by the owner of the run; the owner of the operations looks for itself, should this be lost. */
  #checkCrowns({ id, actor, snapshot }: LiveInstance): void {
    for (const crown of this.#follower.crowns) {
      if (crown.instance !== id) continue;
      const { value, context } = snapshot;
      const why = crownEndIn({ instance: id, plan: actor.plan, value, context }, crown);
      if (why !== undefined) void this.#removeCrown(crown.id, why);
    }
  }

  async #removeCrown(id: string, why: string): Promise<void> {
    const question = { type: 'uncrown', id, why, key: `ended.${id}`, by: 'millrace' };
    try {
      await this.#calls.ask('clusterOperations', operationsId, question);
    } catch (fault) {
      this.#options.log.debug({ crownId: id, fault }, 'crown could not be removed now; it is looked for again');
    }
  }
}
