/** One simulated run: a whole cluster on one seed, its faults, its users, and the verdict. */
import { balancers, type Config, configSchema } from '../../schemas/config.schema.ts';
import { SimBucketServer } from './sim-buckets.ts';
import { SimClient } from './sim-client.ts';
import { SimCluster, withApplications } from './sim-cluster.ts';
import { checkLiveness, checkStreams, checkView, isSettled } from './sim-end.ts';
import { drawFaults, type FaultPlan, isFaultless } from './sim-faults.ts';
import { Link, type Service } from './sim-link.ts';
import { type Breach, SimMonitor } from './sim-monitor.ts';
import { SimNemesis } from './sim-nemesis.ts';
import { SimNetwork } from './sim-network.ts';
import { type Sabotage, SimMaster, SimWorker, type Surroundings } from './sim-nodes.ts';
import { SimRandom } from './sim-random.ts';
import { SimStore } from './sim-store.ts';
import type { TraceLine } from './sim-trace.ts';
import { drawWorkload, longestWorkMs, type Workload } from './sim-workload.ts';
import { Life, SimProcess, SimWorld } from './sim-world.ts';

export type SimOptions = {
  seed: number;
  /** Keeps the trace, for a person to read. */
  isRecording?: boolean;
  sabotage?: Sabotage;
  /** Faults instead of those of the seed. */
  faults?: FaultPlan;
};

export type SimResult = {
  seed: number;
  breaches: Breach[];
  /** The same for the same seed, always. */
  traceHash: string;
  virtualMs: number;
  eventCount: number;
  runCount: number;
  ghostStartCount: number;
  /** What the runs and the other actors went through. */
  eventTypes: ReadonlySet<string>;
  definitions: Workload['definitions'];
  streams: { stream: string; events: unknown[] }[];
  trace: TraceLine[];
  faults: FaultPlan;
};

/** After the faults everything must be over within this time and that of the work itself. */
const calmLimitMs = 900_000;
/** Live copies are compared with the journal once in so many events. */
const compareEveryEvents = 40;
const workerGroups = ['default', 'other'] as const;

export async function simulate(options: SimOptions): Promise<SimResult> {
  const rejections: unknown[] = [];
  const collect = (fault: unknown): void => void rejections.push(fault);
  process.on('unhandledRejection', collect);
  try {
    const result = await inMacrotask(() => new Simulation(options).run());
    await inMacrotask(() => {}); // Node tells of rejections that nobody handled when a task has ended.
    for (const fault of rejections) {
      const message = `nobody handles a rejection: ${textOf(fault)}`;
      result.breaches.push({ invariant: 'fault', at: result.virtualMs, message });
    }
    return result;
  } finally {
    process.off('unhandledRejection', collect);
  }
}

/** Outside of any microtask, so that the world can drain them. */
function inMacrotask<T>(act: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(act());
      } catch (fault) {
        reject(fault);
      }
    });
  });
}

class Simulation {
  readonly #seed: number;
  readonly #random: SimRandom;
  readonly #world: SimWorld;
  readonly #store: SimStore;
  readonly #monitor: SimMonitor;
  readonly #around: Surroundings;
  readonly #nemesis: SimNemesis;
  readonly #masters: SimMaster[];
  readonly #workers: SimWorker[];
  readonly #client: SimClient;
  readonly #workload: Workload;
  readonly #plan: FaultPlan;
  readonly #chaosMs: number;

  constructor({ seed, isRecording = false, sabotage = {}, faults }: SimOptions) {
    this.#seed = seed;
    this.#random = new SimRandom(seed, 'scenery');
    this.#world = new SimWorld(seed, { isRecording });
    this.#monitor = new SimMonitor(this.#world);
    this.#plan = faults ?? drawFaults(new SimRandom(seed, 'faults'));
    this.#monitor.isFaultless = isFaultless(this.#plan);
    this.#chaosMs = this.#random.magnitude(5_000, 80_000);
    const workload = drawWorkload(new SimRandom(seed, 'workload'), workerGroups, this.#chaosMs);
    this.#workload = withApplications(workload, seed);
    const config = drawConfig(this.#random);
    const nats = drawService(this.#random, 'nats');
    const storeService = drawService(this.#random, 'store');
    this.#store = new SimStore(this.#world, storeService);
    const ttlMs = config.master.memberTtlMs;
    this.#around = {
      world: this.#world,
      network: new SimNetwork(),
      nats,
      store: this.#store,
      storeService,
      members: new SimBucketServer('members', this.#world, { ttlMs }),
      claims: new SimBucketServer('claims', this.#world, { ttlMs: 0 }),
      monitor: this.#monitor,
      cluster: new SimCluster(seed, this.#world, this.#monitor, this.#chaosMs),
      sabotage,
      absenceMs: () => this.#nemesis.absenceMs(),
      masterConfig: config.master,
    };
    this.#masters = Array.from({ length: this.#random.integer(1, 3) }, (_, n) => new SimMaster(`m${n}`, this.#around));
    this.#workers = this.#drawWorkers(config);
    const nodes = [...this.#masters, ...this.#workers];
    this.#nemesis = new SimNemesis(seed, { around: this.#around, plan: this.#plan, nodes });
    this.#client = this.#createClient();
    this.#observe();
  }

  run(): SimResult {
    for (const node of [...this.#masters, ...this.#workers]) {
      this.#world.post(this.#random.next() * 1_000, undefined, () => node.start());
    }
    this.#client.begin(this.#workload);
    this.#nemesis.begin();
    const hasFailed = () => this.#monitor.breaches.length > 0;
    this.#world.runUntil(hasFailed, this.#chaosMs);
    if (!hasFailed()) this.#settle(hasFailed);
    if (!hasFailed()) checkStreams(this.#monitor, this.#store, this.#random);
    return this.#result();
  }

  #settle(hasFailed: () => boolean): void {
    this.#world.now = this.#chaosMs;
    this.#nemesis.calm();
    this.#client.calm();
    const { claims } = this.#around;
    const settling = { monitor: this.#monitor, masters: this.#masters, workers: this.#workers, claims };
    const isDone = () => hasFailed() || (this.#client.isDone && isSettled(settling));
    const limitMs = Math.round(calmLimitMs + longestWorkMs(this.#workload));
    this.#world.runUntil(isDone, this.#chaosMs + limitMs);
    if (hasFailed()) return; // Whatever else is open had no time to end.
    checkLiveness(settling, limitMs);
    if (!this.#client.isDone) this.#monitor.breach('client', 'a user still waits for an answer');
  }

  #result(): SimResult {
    const { trace, now, eventCount } = this.#world;
    return {
      seed: this.#seed,
      breaches: this.#monitor.breaches,
      traceHash: trace.hash(),
      virtualMs: now,
      eventCount,
      runCount: this.#monitor.runs.size,
      ghostStartCount: this.#monitor.ghostStartCount,
      eventTypes: new Set([...this.#monitor.eventTypes, ...this.#monitor.concurrency.eventTypes]),
      definitions: this.#workload.definitions,
      streams: trace.isRecording
        ? this.#store.streams.streamNames().map((stream) => ({ stream, events: this.#store.streams.eventsOf(stream) }))
        : [],
      trace: trace.lines,
      faults: this.#plan,
    };
  }

  /** Each group has a worker; the others are in one group or both. */
  #drawWorkers(config: Config): SimWorker[] {
    return Array.from({ length: this.#random.integer(2, 4) }, (_, index) => {
      const group = workerGroups[index % 2] as string;
      const groups = this.#random.chance(0.5) ? [group] : [...workerGroups];
      const slots = this.#random.integer(1, 4);
      const worker = configSchema.parse({ worker: { ...config.worker, groups, slots } }).worker;
      return new SimWorker(`w${index}`, this.#around, worker);
    });
  }

  #createClient(): SimClient {
    const life = new Life(new SimProcess('client', this.#world));
    return new SimClient({
      life,
      transport: this.#around.network.connect(new Link(life, this.#around.nats)),
      monitor: this.#monitor,
      checkView: (reply) => checkView(this.#monitor, reply),
    });
  }

  #observe(): void {
    this.#around.network.observe = (published) => this.#monitor.tookMessage(published);
    this.#store.observe = (stream, first, events, by) => this.#monitor.tookAppend(stream, first, events, by);
    this.#world.onFault = (fault, life) =>
      this.#monitor.breach('fault', `${life?.process.name ?? 'the world'} threw: ${textOf(fault)}`);
    this.#world.afterEvent = () => {
      if (this.#world.eventCount % compareEveryEvents === 0) this.#compareLive();
    };
  }

  /** I5. */
  #compareLive(): void {
    for (const { service, process } of this.#masters) {
      for (const live of service?.liveRuns() ?? []) this.#monitor.compareLive(process.name, live);
    }
  }
}

function drawService(random: SimRandom, name: Service['name']): Service {
  const latencyMs = random.magnitude(0.2, 20);
  return { name, isAway: false, latencyMs, spikeRate: 0, spikeMs: 0, lossRate: 0 };
}

function drawConfig(random: SimRandom): Config {
  const heartbeatIntervalMs = Math.round(random.between(500, 2_000));
  const workerAbsenceMaxMs = Math.round(heartbeatIntervalMs * random.magnitude(2, 8));
  return configSchema.parse({
    master: {
      balancer: random.pick(balancers),
      heartbeatIntervalMs,
      memberTtlMs: Math.round(heartbeatIntervalMs * random.between(2, 5)),
      pingIntervalMs: Math.round(random.magnitude(200, 4_000)),
      pingTimeoutMs: 1_000,
      takeoverGraceMs: Math.round(random.magnitude(100, 4_000)),
      workerAbsenceMaxMs,
      offerTimeoutMs: Math.round(random.magnitude(300, 5_000)),
      cancelTimeoutMs: Math.round(random.magnitude(300, 5_000)),
      holdReportDelayMs: Math.round(random.magnitude(50, 2_000)),
      lazyAppendDelayMs: Math.round(random.magnitude(1, 200)),
      recoveryIntervalMs: Math.round(random.magnitude(2_000, 30_000)),
      actorCheckIntervalMs: Math.round(random.magnitude(1_000, 20_000)),
      slotRepeatIntervalMs: Math.round(random.magnitude(500, 10_000)),
    },
    worker: {
      heartbeatIntervalMs,
      reportRetryDelayMs: Math.round(random.magnitude(50, 1_000)),
      reportRetryDelayMaxMs: Math.round(random.magnitude(1_000, 10_000)),
      leaseLossMaxMs: Math.round(workerAbsenceMaxMs * random.between(0.75, 0.95)),
      onLeaseLost: random.pick(['keep', 'kill'] as const),
      drainDeadlineMs: Math.round(random.magnitude(10, 5_000)),
    },
  });
}

function textOf(fault: unknown): string {
  return fault instanceof Error ? String(fault.stack) : String(fault);
}
