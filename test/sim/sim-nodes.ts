/** Masters and workers of the simulation: the real services on simulated ports, started again after each end. */
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { MasterConfig, WorkerConfig } from '../../schemas/config.schema.ts';
import type { Incarnation, MasterId, WorkerId } from '../../schemas/ids.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { Bucket } from '../../src/buckets/bucket.port.ts';
import type { ClusterClients } from '../../src/clusters/cluster-client.port.ts';
import type { Journal } from '../../src/journal/journal.port.ts';
import { MasterService } from '../../src/master/master.service.ts';
import { createScriptTaskType } from '../../src/tasks/script/script.task-type.ts';
import type { TaskType } from '../../src/tasks/task-type.port.ts';
import { waitTaskType } from '../../src/tasks/wait/wait.task-type.ts';
import { type Log, silentLog } from '../../src/telemetry/log.ts';
import type { Transport } from '../../src/transport/transport.port.ts';
import type { Ledger } from '../../src/worker/ledger.port.ts';
import { createWorkerService, type WorkerService } from '../../src/worker/worker.service.ts';
import type { SimBucketServer } from './sim-buckets.ts';
import type { SimCluster } from './sim-cluster.ts';
import { outsideVariable } from './sim-definitions.ts';
import { SimLedgerDisk } from './sim-ledger.ts';
import { Link, type Service } from './sim-link.ts';
import type { SimMonitor } from './sim-monitor.ts';
import type { SimNetwork } from './sim-network.ts';
import { SimRunIndexDisk } from './sim-run-index.ts';
import type { SimStore } from './sim-store.ts';
import { Life, type SimEvent, SimProcess, type SimWorld } from './sim-world.ts';

/** Ports of one life, wrapped to break the system on purpose. Each default is the port itself. */
export type Sabotage = {
  masterTransport?: (transport: Transport, life: Life) => Transport;
  masterJournal?: (journal: Journal, life: Life) => Journal;
  masterClaims?: (claims: Bucket) => Bucket;
  workerTransport?: (transport: Transport, life: Life) => Transport;
  workerLedger?: (ledger: Ledger, life: Life) => Ledger;
  clusterClients?: (clients: ClusterClients) => ClusterClients;
};

export type Surroundings = {
  world: SimWorld;
  network: SimNetwork;
  nats: Service;
  store: SimStore;
  storeService: Service;
  members: SimBucketServer;
  claims: SimBucketServer;
  monitor: SimMonitor;
  cluster: SimCluster;
  sabotage: Sabotage;
  /** How long a process that ended is away. */
  absenceMs: () => number;
  masterConfig: MasterConfig;
};

const idle = { cpu: 0, memory: 0 };

/** A place where one process lives again and again. */
export abstract class SimNode {
  readonly process: SimProcess;
  protected readonly around: Surroundings;
  nats: Link | undefined;
  store: Link | undefined;
  /** It never comes back. */
  isRemoved = false;
  #restart: SimEvent | undefined;

  constructor(name: string, around: Surroundings) {
    this.process = new SimProcess(name, around.world);
    this.around = around;
  }

  get isUp(): boolean {
    return this.process.life !== undefined;
  }

  start(): void {
    if (this.isUp || this.isRemoved) return;
    if (this.#restart !== undefined) this.#restart.run = undefined;
    const life = new Life(this.process);
    this.process.life = life;
    this.nats = new Link(life, this.around.nats);
    this.store = new Link(life, this.around.storeService);
    life.onEnd(() => this.#ended());
    this.around.world.trace.note('start', `${this.process.name} ${life.incarnation}`);
    this.begin(life, this.nats, this.store);
  }

  /** Leaves as on SIGTERM. */
  abstract leave(deadlineMs: number): void;
  protected abstract begin(life: Life, nats: Link, store: Link): void;

  protected log(life: Life): Log {
    const { trace } = this.around.world;
    if (!trace.isRecording) return silentLog;
    const write = (level: string) => (fields: object, message: string) => {
      if (!life.isDead) trace.comment(level, () => `${this.process.name}: ${message} ${textOf(fields)}`);
    };
    const log: Log = {
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
      child: () => log,
    };
    return log;
  }

  #ended(): void {
    const { world, absenceMs } = this.around;
    this.#restart = world.post(absenceMs(), undefined, () => this.start());
  }
}

function textOf(fields: object): string {
  return JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? String(value.stack) : value));
}

export class SimMaster extends SimNode {
  readonly index = new SimRunIndexDisk();
  service: MasterService | undefined;

  protected begin(life: Life, nats: Link, store: Link): void {
    const { network, members, claims, monitor, sabotage, masterConfig } = this.around;
    const transport = network.connect(nats);
    const journal = this.around.store.connect(store);
    const service = new MasterService({
      id: this.process.name as MasterId,
      incarnation: life.incarnation as Incarnation,
      host: `host-of-${this.process.name}`,
      config: masterConfig,
      clusterClients:
        sabotage.clusterClients?.(this.around.cluster.clientsOf(life)) ?? this.around.cluster.clientsOf(life),
      transport: sabotage.masterTransport?.(transport, life) ?? transport,
      journal: sabotage.masterJournal?.(journal, life) ?? journal,
      members: members.connect(nats),
      claims: sabotage.masterClaims?.(claims.connect(nats)) ?? claims.connect(nats),
      index: this.index.open(life),
      clock: life.clock,
      ids: life.ids,
      load: () => idle,
      log: this.log(life),
      endOfTurn: (callback) => void life.process.world.post(0, life, callback),
      pid: life.number,
      // All masters share one: it is pure, and making it takes long.
      makeActor: (plan, { name, version }) => monitor.actorOf(name, version) ?? workflowInstanceActor(plan),
    });
    this.service = service;
    life.onEnd(() => {
      this.service = undefined;
    });
    void service.start().catch((fault) => this.around.world.onFault(fault, life));
  }

  leave(deadlineMs: number): void {
    const { life } = this.process;
    if (life === undefined || this.service === undefined) return;
    const end = () => life.end('left');
    void this.service.stop(deadlineMs).then(end, (fault) => this.around.world.onFault(fault, life));
    this.around.world.post(2 * deadlineMs, life, end);
  }
}

export class SimWorker extends SimNode {
  readonly disk = new SimLedgerDisk();
  readonly groups: readonly string[];
  readonly #config: WorkerConfig;
  #service: WorkerService | undefined;

  constructor(name: string, around: Surroundings, config: WorkerConfig) {
    super(name, around);
    this.groups = config.groups;
    this.#config = config;
  }

  protected begin(life: Life, nats: Link): void {
    const { network, members, sabotage } = this.around;
    const transport = network.connect(nats);
    const ledger = this.disk.open(life);
    this.#service = createWorkerService({
      id: this.process.name as WorkerId,
      incarnation: life.incarnation as Incarnation,
      host: `host-of-${this.process.name}`,
      pid: life.number,
      config: this.#config,
      dataDir: '/nowhere',
      transport: sabotage.workerTransport?.(transport, life) ?? transport,
      members: members.connect(nats),
      taskTypes: this.#taskTypes(life),
      ledger: sabotage.workerLedger?.(ledger, life) ?? ledger,
      processes: noProcesses,
      machineLoad: { measure: () => idle },
      clock: life.clock,
      monotonicNow: () => life.monotonicNow(),
      ids: life.ids,
      log: this.log(life),
      endOfTurn: (callback) => void life.process.world.post(0, life, callback),
    });
    void this.#service.start().catch((fault) => this.around.world.onFault(fault, life));
  }

  leave(deadlineMs: number): void {
    const { life } = this.process;
    if (life === undefined || this.#service === undefined) return;
    const end = () => life.end('left');
    void this.#service.stop(deadlineMs).then(end, (fault) => this.around.world.onFault(fault, life));
    this.around.world.post(2 * deadlineMs, life, end);
  }

  /** The real task types; each start is a fact of the world that the monitor judges (I4). */
  #taskTypes(life: Life): TaskType[] {
    const script = createScriptTaskType({ crashWorker: () => life.end('its task crashed it') });
    const isStarted = (offer: Offer): void => {
      if (life.acts()) this.around.monitor.tookStart(life, offer);
    };
    const simulated: TaskType[] = [script, waitTaskType].map((taskType) => ({
      type: taskType.type,
      hasOutsideEffects: (offer) => offer.env[outsideVariable] !== undefined || taskType.hasOutsideEffects(offer),
      start: (context) => {
        isStarted(context.offer);
        return taskType.start(context);
      },
    }));
    return [...simulated, this.around.cluster.taskTypeOf(life, isStarted)];
  }
}

const noProcesses = {
  identify: () => undefined,
  isStillRunning: () => false,
  signalGroup: () => {},
  isGroupAlive: () => false,
  groupHasVariable: () => false,
};
