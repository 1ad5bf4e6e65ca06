/** Makes the faults of a plan happen, until it is told to calm the world. */
import { type FaultPlan, type Incident, incidents } from './sim-faults.ts';
import type { Link, Service } from './sim-link.ts';
import { SimMaster, type SimNode, SimWorker, type Surroundings } from './sim-nodes.ts';
import { SimRandom } from './sim-random.ts';

const restartWhenCalmMs = 500;
const calmLatencyMs = 1;

export class SimNemesis {
  readonly #around: Surroundings;
  readonly #plan: FaultPlan;
  readonly #nodes: readonly SimNode[];
  readonly #random: SimRandom;
  #isCalm = false;

  constructor(seed: number, options: { around: Surroundings; plan: FaultPlan; nodes: readonly SimNode[] }) {
    this.#around = options.around;
    this.#plan = options.plan;
    this.#nodes = options.nodes;
    this.#random = new SimRandom(seed, 'nemesis');
  }

  begin(): void {
    const { nats, storeService, store } = this.#around;
    const { natsLossRate, natsSpikeRate, storeSpikeRate, spikeMs, clockSkewMs, clockDrift } = this.#plan;
    nats.lossRate = natsLossRate;
    nats.spikeRate = natsSpikeRate;
    storeService.spikeRate = storeSpikeRate;
    nats.spikeMs = spikeMs;
    storeService.spikeMs = spikeMs;
    const { requestLostRate, answerLostRate, brokenRate } = this.#plan;
    Object.assign(store.faults, { requestLostRate, answerLostRate, brokenRate });
    for (const { process } of this.#nodes) {
      process.clockOffsetMs = this.#random.between(-clockSkewMs, clockSkewMs);
      process.clockRate = 1 + this.#random.between(-clockDrift, clockDrift);
    }
    for (const incident of incidents) this.#scheduleNext(incident);
  }

  /** Everything is healed; who is to come back comes back at once. */
  calm(): void {
    this.#isCalm = true;
    const { nats, storeService, store, world } = this.#around;
    world.trace.note('calm', '');
    for (const service of [nats, storeService])
      Object.assign(service, { lossRate: 0, spikeRate: 0, latencyMs: calmLatencyMs });
    Object.assign(store.faults, { requestLostRate: 0, answerLostRate: 0, brokenRate: 0 });
    this.#bringBack(nats);
    this.#bringBack(storeService);
    for (const node of this.#nodes) {
      node.nats?.heal();
      node.store?.heal();
      node.process.thaw();
      if (node.process.life !== undefined) node.process.life.callsLeft = Number.POSITIVE_INFINITY;
      if (node instanceof SimWorker) node.disk.isFailing = false;
      if (!node.isUp) world.post(this.#random.next() * restartWhenCalmMs, undefined, () => node.start());
    }
  }

  absenceMs(): number {
    return this.#isCalm ? restartWhenCalmMs : this.#random.magnitude(20, this.#plan.longestAbsenceMs);
  }

  #scheduleNext(incident: Incident): void {
    const meanMs = this.#plan.meanMs[incident];
    if (meanMs === undefined) return;
    this.#around.world.post(this.#random.wait(meanMs), undefined, () => {
      if (this.#isCalm) return;
      this.#cause(incident);
      this.#scheduleNext(incident);
    });
  }

  #cause(incident: Incident): void {
    const node = this.#random.pick(this.#nodes);
    const { life } = node.process;
    this.#around.world.trace.note('incident', `${incident} ${node.process.name}`);
    switch (incident) {
      case 'crash':
        life?.end('crash');
        return;
      case 'crashWithinEvent':
        if (life !== undefined) life.callsLeft = this.#random.integer(0, 12);
        return;
      case 'crashOfTheActive':
        this.#crashTheActive();
        return;
      case 'powerLoss':
        this.#losePower(node);
        return;
      case 'stop':
        node.leave(this.#random.magnitude(10, 10_000));
        return;
      case 'removal':
        this.#remove(node);
        return;
      case 'freeze':
        node.process.freeze();
        this.#later(this.#plan.longestFreezeMs, () => node.process.thaw());
        return;
      case 'natsCut':
        this.#cut(node.nats);
        return;
      case 'storeCut':
        this.#cut(node.store);
        return;
      case 'natsAway':
        this.#takeAway(this.#around.nats);
        return;
      case 'storeAway':
        this.#takeAway(this.#around.storeService);
        return;
      case 'storeStall':
        this.#stall();
        return;
      case 'bucketRollBack': {
        const bucket = this.#random.pick([this.#around.members, this.#around.claims]);
        bucket.rollBack(this.#random.integer(1, 30));
        if (this.#random.chance(0.5)) bucket.tellAllAgain();
        return;
      }
      case 'bucketClear':
        this.#random.pick([this.#around.members, this.#around.claims]).clear();
        return;
      case 'clockJump':
        node.process.clockOffsetMs += Math.round(this.#random.between(-1, 1) * this.#random.magnitude(100, 60_000));
        return;
      case 'diskFailure':
        this.#failDisk();
        return;
    }
  }

  /** Whoever did something last is killed: most likely in the middle of an exchange. */
  #crashTheActive(): void {
    this.#later(200, () => {
      const { lastActive } = this.#around.world;
      if (this.#nodes.some(({ process }) => process === lastActive?.process)) lastActive?.end('crash while active');
    });
  }

  #losePower(node: SimNode): void {
    node.process.life?.end('power loss');
    const count = this.#random.integer(0, 20);
    if (node instanceof SimWorker) node.disk.losePower(count);
    if (node instanceof SimMaster) node.index.lose(this.#random.chance(0.3) ? Number.POSITIVE_INFINITY : count);
  }

  /** It never comes back, unless nobody else could do its work. */
  #remove(node: SimNode): void {
    const others = this.#nodes.filter((other) => other !== node && !other.isRemoved);
    const areLeft =
      node instanceof SimWorker
        ? node.groups.every((group) =>
            others.some((other) => other instanceof SimWorker && other.groups.includes(group)),
          )
        : others.some((other) => other instanceof SimMaster);
    if (!areLeft) return;
    node.isRemoved = true;
    node.process.life?.end('removed for good');
  }

  #cut(link: Link | undefined): void {
    if (link === undefined || link.state !== 'up') return;
    link.hang();
    // Whether it is noticed before it is over decides whether what was under way is lost.
    if (this.#random.chance(0.6)) {
      this.#later(3_000, () => {
        if (link.state === 'hung') link.break();
      });
    }
    this.#later(this.#plan.longestCutMs, () => link.heal());
  }

  #takeAway(service: Service): void {
    service.isAway = true;
    for (const link of this.#linksTo(service)) link?.break();
    this.#later(this.#plan.longestCutMs, () => this.#bringBack(service));
  }

  #bringBack(service: Service): void {
    if (!service.isAway) return;
    service.isAway = false;
    for (const link of this.#linksTo(service)) link?.heal();
  }

  #linksTo(service: Service): (Link | undefined)[] {
    return this.#nodes.map((node) => (service === this.#around.nats ? node.nats : node.store));
  }

  #stall(): void {
    const { storeService } = this.#around;
    storeService.latencyMs = this.#random.magnitude(50, 5_000);
    this.#later(10_000, () => {
      storeService.latencyMs = calmLatencyMs;
    });
  }

  #failDisk(): void {
    const node = this.#random.pick(this.#nodes.filter((other) => other instanceof SimWorker));
    node.disk.isFailing = true;
    this.#later(10_000, () => {
      node.disk.isFailing = false;
    });
  }

  #later(longestMs: number, act: () => void): void {
    const isLong = this.#random.chance(0.4);
    const delayMs = isLong ? this.#random.between(longestMs / 3, longestMs) : this.#random.magnitude(1, longestMs);
    this.#around.world.post(delayMs, undefined, act);
  }
}
