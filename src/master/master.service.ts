/**
 * A master: takes submissions, commands, questions and reports; owns runs; dispatches their tasks. Its parts are wired
 * here; each knows its own rules.
 */
import { hostname } from 'node:os';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { MasterConfig } from '../../schemas/config.schema.ts';
import type { Incarnation, MasterId, WorkerId } from '../../schemas/ids.ts';
import type { MasterMember, Member } from '../../schemas/messages/membership.messages.ts';
import { memberKey, subjects } from '../../schemas/messages/subjects.ts';
import type { Bucket } from '../buckets/bucket.port.ts';
import { type ClaimBook, createClaimBook } from '../claims/claim-book.ts';
import { type EndOfTurn, endOfTurn } from '../clock/end-of-turn.ts';
import { ConcurrencyService } from '../concurrency/concurrency.service.ts';
import { DefinitionStore, type DefinitionStoreOptions } from '../definitions/definition-store.ts';
import { createDispatcher, type Dispatcher } from '../dispatch/dispatcher.ts';
import { createWorkerPool, type WorkerPool } from '../dispatch/worker-pool.ts';
import type { NewEvent } from '../journal/journal.port.ts';
import { createHeartbeat, type Heartbeat } from '../membership/heartbeat.ts';
import { type MemberChange, MemberDirectory } from '../membership/member-directory.ts';
import { PeerPings } from '../membership/peer-pings.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import { RunProjection } from '../runs/run-projection.ts';
import type { Log } from '../telemetry/log.ts';
import type { Transport } from '../transport/transport.port.ts';
import { AttemptCourier } from './attempt-courier.ts';
import { Handover } from './handover.ts';
import { InstanceHost } from './instance-host.ts';
import { createLeaseGate, type LeaseGate } from './lease-gate.ts';
import type { LiveInstance } from './live-instance.ts';
import { MasterMessages, type MasterMessagesOptions } from './master-messages.ts';
import { OverdueWork } from './overdue-work.ts';
import { Recovery } from './recovery.ts';
import { Revocations } from './revocations.ts';
import { RunEffects, type RunEffectsOptions } from './run-effects.ts';
import { createStateTrace } from './state-trace.ts';
import { Rehoming } from './takeover.ts';
import { TaskAttendance } from './task-attendance.ts';
import { untilIdle, untilReceived } from './until-idle.ts';

export type MasterOptions = Pick<MasterMessagesOptions, 'plugins' | 'clusters'> &
  Pick<RunEffectsOptions, 'clusterClients'> &
  Omit<DefinitionStoreOptions, 'author'> & {
    id: MasterId;
    incarnation: Incarnation;
    /** How others reach this machine. */
    host: string;
    config: MasterConfig;
    transport: Transport;
    members: Bucket;
    claims: Bucket;
    index: RunIndex;
    /** Shares of this machine in use. */
    load: () => MasterMember['load'];
    log: Log;
    /** Default: `setImmediate`. */
    endOfTurn?: EndOfTurn;
    /** Default: that of this process. */
    pid?: number;
  };

export class MasterService {
  readonly #options: MasterOptions;
  readonly #members: MemberDirectory;
  readonly #pool: WorkerPool;
  readonly #dispatcher: Dispatcher;
  readonly #definitions: DefinitionStore;
  readonly #host: InstanceHost;
  readonly #courier: AttemptCourier;
  readonly #revocations: Revocations;
  readonly #rehoming: Rehoming;
  readonly #attendance: TaskAttendance;
  readonly #concurrency: ConcurrencyService;
  readonly #effects: RunEffects;
  readonly #projection: RunProjection;
  readonly #recovery: Recovery;
  readonly #overdue: OverdueWork;
  readonly #heartbeat: Heartbeat;
  readonly #claims: ClaimBook;
  readonly #handover: Handover;
  readonly #messages: MasterMessages;
  readonly #pings: PeerPings;
  readonly #gate: LeaseGate;
  readonly #abort = new AbortController();
  readonly #startedAt: number;
  #state: 'active' | 'draining' = 'active';
  #stopping: Promise<void> | undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
    const { id, incarnation, host, config, transport, clock, ids, log } = options;
    this.#startedAt = clock.now();
    this.#members = new MemberDirectory({ bucket: options.members, clock, ttlMs: config.memberTtlMs, log });
    this.#claims = createClaimBook(options.claims);
    this.#gate = createLeaseGate({ clock, ttlMs: config.memberTtlMs });
    this.#pool = createWorkerPool(id, config);
    this.#dispatcher = createDispatcher({
      ...options,
      pool: this.#pool,
      holdOf: (request) => this.#concurrency.holdOf(request),
      onSlot: (instance, task, placement) => this.#effects.assign(instance, task, placement),
      onFreed: (instance, task) => this.#effects.place(instance, task),
      onHeld: (instance, task, reason) => this.#effects.hold(instance, task, reason),
    });
    this.#definitions = new DefinitionStore({ ...options, author: { master: id, incarnation } });
    this.#courier = new AttemptCourier({ master: id, host, config, transport, pool: this.#pool, clock, ids, log });
    this.#revocations = this.#createRevocations();
    this.#host = this.#createHost();
    this.#concurrency = this.#createConcurrency();
    this.#attendance = new TaskAttendance({
      ...options,
      host: this.#host,
      definitions: this.#definitions,
      whenCurrent: () => this.#projection.whenCurrent(),
    });
    this.#effects = new RunEffects({
      ...options,
      pool: this.#pool,
      courier: this.#courier,
      revocations: this.#revocations,
      dispatcher: () => this.#dispatcher,
      find: (instance) => this.#host.find(instance),
      attendance: this.#attendance,
      slots: this.#concurrency.slots,
      requestAdmission: (instance) => this.#concurrency.admissions.request(instance),
    });
    this.#rehoming = this.#createRehoming();
    this.#recovery = this.#createRecovery();
    this.#projection = new RunProjection({
      ...options,
      onOwnershipTaken: (instance, taken) => this.#host.ownershipTaken(instance, taken),
      onActorTaken: (stream, taken) => this.#concurrency.ownershipTaken(stream, taken),
      onApplied: (changes) => this.#concurrency.applied(changes),
      watch: this.#attendance.watch,
      owners: this.#recovery,
    });
    this.#overdue = this.#createOverdueWork();
    this.#handover = new Handover({ master: id, transport, host: this.#host, members: this.#members, log });
    this.#messages = new MasterMessages({
      ...options,
      host: this.#host,
      handover: this.#handover,
      revoke: (attempt) => this.#revocations.add(attempt),
      definitions: this.#definitions,
      members: this.#members,
      endOfTurn: options.endOfTurn ?? endOfTurn,
      isDraining: () => this.#state === 'draining',
    });
    this.#pings = new PeerPings({ transport, members: this.#members, clock, config, peers: () => this.#peers() });
    this.#heartbeat = this.#createHeartbeat();
  }

  /** Resolves when messages are taken; runs without an owner are taken over from then on. */
  async start(): Promise<void> {
    const { log, incarnation } = this.#options;
    this.#messages.listenToPeers();
    this.#members.onChange((change) => this.#onMember(change));
    this.#members.start();
    await this.#heartbeat.start();
    await this.#members.whenCurrent();
    this.#projection.start();
    this.#concurrency.start();
    void this.#definitions
      .follow(this.#abort.signal)
      .catch((fault) => log.error({ fault }, 'definitions not followed'));
    this.#messages.listenToAll();
    this.#pings.start();
    this.#overdue.start();
    void this.#projection.whenCurrent().then(() => this.#recovery.trigger());
    log.info({ incarnation }, 'master started');
  }

  /** Resolves when the runs that existed at the start are known. */
  whenCurrent(): Promise<void> {
    return this.#projection.whenCurrent();
  }

  /** The runs in memory here, as they are durable: for those who compare them with the journal. */
  liveRuns(): Iterable<Pick<LiveInstance, 'id' | 'revision' | 'snapshot' | 'actor'>> {
    return this.#host.instances();
  }

  /** Breaches of invariants in runs that it took over, and work that it found forgotten; each is in the log as an error. */
  get incidentCount(): number {
    return this.#host.incidentCount + this.#overdue.foundCount;
  }

  /** Takes nothing new, gives decided work time to become durable, then lets go. Idempotent. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#state = 'draining';
    this.#messages.stop();
    this.#abort.abort();
    this.#dispatcher.stop();
    this.#heartbeat.beatNow();
    this.#overdue.stop();
    await this.#recovery.stop();
    await untilReceived(this.#options);
    await untilIdle(() => this.#isBusy(), this.#options.clock, deadlineMs);
    await this.#handover.giveAll();
    this.#messages.leave();
    this.#host.stop();
    await this.#concurrency.stop();
    this.#pings.stop();
    this.#rehoming.stop();
    this.#revocations.stop();
    this.#projection.stop();
    this.#attendance.stop();
    this.#members.stop();
    await this.#heartbeat.stop();
    this.#options.log.info({}, 'master stopped');
  }

  /** Everyone whose request was taken is answered; what was decided is durable. */
  #isBusy(): boolean {
    return this.#messages.underWayCount > 0 || this.#host.waitingCount > 0;
  }

  #createHost(): InstanceHost {
    const { id, incarnation, host, config, journal, clock, ids, log } = this.#options;
    const traceState = createStateTrace(config.stateHashEveryEvents, log);
    return new InstanceHost({
      ...{ master: id, incarnation, host, journal, clock, ids, log },
      claims: this.#claims,
      members: this.#members,
      definitions: this.#definitions,
      lazyAppendDelayMs: config.lazyAppendDelayMs,
      effects: {
        answer: (instance, effect, snapshot) => this.#effects.answer(instance, effect, snapshot),
        refused: (command) => this.#effects.refused(command),
        runEffect: (instance, effect) => this.#runEffect(instance, effect),
        onDurable: (instance, events, firstRevision) => {
          traceState(instance, firstRevision);
          this.#publish(instance, events, firstRevision);
        },
      },
      onTakenOver: (instance, lost) => {
        this.#rehoming.add(instance);
        this.#concurrency.tookOver(instance);
        this.#effects.runPending(instance);
        for (const attempt of lost) this.#effects.revoke(instance, attempt);
      },
      onLetGo: (instance, isFinished) => {
        this.#attendance.letGo(instance);
        this.#concurrency.letGo(instance, isFinished);
        if (isFinished) return;
        this.#dispatcher.withdraw(instance.id);
        this.#pool.releaseInstance(instance.id);
        this.#dispatcher.fill();
      },
    });
  }

  #createHeartbeat(): Heartbeat {
    const { id, config, members, clock, log } = this.#options;
    return createHeartbeat({
      bucket: members,
      key: memberKey.master(id),
      entry: () => this.#entry(),
      intervalMs: config.heartbeatIntervalMs,
      onRenewed: () => this.#gate.renewed(),
      clock,
      log,
    });
  }

  #createRecovery(): Recovery {
    return new Recovery({
      ...this.#options,
      master: this.#options.id,
      host: this.#host,
      claims: this.#claims,
      members: this.#members,
      intervalMs: this.#options.config.recoveryIntervalMs,
      graceMs: this.#options.config.takeoverGraceMs,
    });
  }

  #createOverdueWork(): OverdueWork {
    return new OverdueWork({
      ...this.#options,
      runs: () => this.#host.instances(),
      effects: this.#effects,
      dispatcher: () => this.#dispatcher,
      mayAct: () => this.#gate.isOpen(),
      intervalMs: this.#options.config.overdueCheckIntervalMs,
    });
  }

  #createRevocations(): Revocations {
    const { config, transport, clock, ids, log } = this.#options;
    const isMember = (worker: WorkerId) => this.#pool.member(worker) !== undefined;
    return new Revocations({ transport, isMember, clock, ids, log, requestTimeoutMs: config.cancelTimeoutMs });
  }

  #createConcurrency(): ConcurrencyService {
    return new ConcurrencyService({
      ...this.#options,
      members: this.#members,
      runs: this.#host,
      pass: (action) => this.#gate.pass(action),
      effects: () => this.#effects,
      dispatcher: () => this.#dispatcher,
    });
  }

  #createRehoming(): Rehoming {
    const { id, host, config, transport, clock, ids, log } = this.#options;
    return new Rehoming({
      master: id,
      hostName: host,
      transport,
      host: this.#host,
      courier: this.#courier,
      pool: this.#pool,
      clock,
      ids,
      log,
      requestTimeoutMs: config.offerTimeoutMs,
      absenceMaxMs: config.workerAbsenceMaxMs,
      reviewIntervalMs: config.recoveryIntervalMs,
      members: () => this.#members.workers(),
    });
  }

  /** A timer or an offer of a run that this master may have lost waits until the membership is renewed. */
  #runEffect(instance: LiveInstance, effect: WorkflowInstanceEffect): void {
    this.#gate.pass(() => {
      if (!instance.isDropped) this.#effects.run(instance, effect);
    });
  }

  /** Other masters, and the workers that hold attempts of this one. */
  *#peers(): Iterable<Member> {
    for (const master of this.#members.masters()) if (master.id !== this.#options.id) yield master;
    for (const worker of this.#members.workers()) if (this.#pool.reservationsOf(worker.id).length > 0) yield worker;
  }

  #warn(fault: unknown): void {
    this.#options.log.warn({ fault }, 'runs could not be handed over');
  }

  #onMember(change: MemberChange): void {
    const { member } = change;
    if (member.kind === 'master') {
      if (member.id === this.#options.id) return;
      if (change.kind === 'gone') this.#recovery.trigger();
      if (change.kind === 'joined') void this.#handover.shareWith(member).catch((fault) => this.#warn(fault));
      return;
    }
    if (change.kind === 'gone') {
      this.#pool.forget(member.id, member.incarnation);
      // Restarted or silent: it, or its next life, is asked; no answer within the limit means that its attempts are lost.
      this.#rehoming.ask(member.id);
      return;
    }
    this.#pool.renew(member);
    // Who was not seen before may have held attempts in a life that nobody saw end.
    if (change.kind === 'joined') {
      this.#rehoming.ask(member.id);
      this.#revocations.joined(member.id);
    }
    this.#dispatcher.fill();
  }

  /** Tells subscribers what has become durable. At most once: the journal is what they can rely on. */
  #publish(instance: LiveInstance, events: readonly NewEvent[], firstRevision: number): void {
    this.#attendance.noted(instance, events);
    const { workflow, id } = instance;
    this.#concurrency.onDurable(instance);
    for (const [offset, event] of events.entries()) {
      const subject = subjects.events(workflow, id, event.type);
      const { id: eventId, type, data, metadata } = event;
      this.#options.transport.publish(subject, { revision: firstRevision + offset, id: eventId, type, data, metadata });
    }
  }

  #entry(): MasterMember {
    const { id, incarnation, host } = this.#options;
    return {
      kind: 'master',
      id,
      incarnation,
      host: host === '' ? hostname() : host,
      pid: this.#options.pid ?? process.pid,
      startedAt: this.#startedAt,
      state: this.#state,
      actorCount: this.#host.count,
      incidentCount: this.incidentCount,
      load: this.#options.load(),
    };
  }
}
