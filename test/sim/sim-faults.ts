/** What may go wrong in one seed, and how often. Some seeds are calm, some have a few kinds of faults, some have them all. */
import type { SimRandom } from './sim-random.ts';

/** Things that happen to a process or a server now and then. */
export const incidents = [
  'crash',
  'crashWithinEvent',
  'crashOfTheActive',
  'powerLoss',
  'stop',
  'removal',
  'freeze',
  'natsCut',
  'storeCut',
  'natsAway',
  'storeAway',
  'storeStall',
  'bucketRollBack',
  'bucketClear',
  'clockJump',
  'diskFailure',
] as const;

export type Incident = (typeof incidents)[number];

export type FaultPlan = {
  /** Mean time between two incidents of the kind; absent: never. */
  meanMs: Partial<Record<Incident, number>>;
  natsLossRate: number;
  natsSpikeRate: number;
  storeSpikeRate: number;
  spikeMs: number;
  requestLostRate: number;
  answerLostRate: number;
  brokenRate: number;
  /** Greatest difference of a process's clock at the start, and of one jump. */
  clockSkewMs: number;
  clockDrift: number;
  longestFreezeMs: number;
  longestCutMs: number;
  longestAbsenceMs: number;
};

const calmShare = 0.12;
const themeShare = 0.5;

/** Kinds of faults that are dangerous together: half of the seeds have one such set, often. */
const themes: readonly (readonly Incident[])[] = [
  ['freeze', 'bucketClear', 'bucketRollBack'],
  ['freeze', 'natsCut', 'crashOfTheActive'],
  ['freeze', 'natsCut'],
  ['natsCut', 'storeCut', 'bucketRollBack', 'storeStall'],
  ['crashWithinEvent', 'crashOfTheActive', 'storeStall', 'stop'],
  ['powerLoss', 'diskFailure', 'natsAway', 'crashWithinEvent'],
  ['storeAway', 'natsAway', 'clockJump', 'freeze'],
  ['removal', 'stop', 'crash', 'bucketClear'],
];

export function drawFaults(random: SimRandom): FaultPlan {
  const isCalm = random.chance(calmShare);
  const share = isCalm ? 0 : random.pick([0.15, 0.35, 0.7]);
  const rarity = random.magnitude(0.5, 4);
  const meanMs: FaultPlan['meanMs'] = {};
  for (const incident of incidents) {
    if (random.chance(share)) meanMs[incident] = random.magnitude(2_000, 20_000) * rarity;
  }
  if (!isCalm && random.chance(themeShare)) {
    for (const incident of random.pick(themes)) meanMs[incident] = random.magnitude(800, 6_000);
  }
  const rate = (most: number) => (random.chance(share) ? random.magnitude(most / 100, most) : 0);
  return {
    meanMs,
    natsLossRate: rate(0.1),
    natsSpikeRate: rate(0.2),
    storeSpikeRate: rate(0.2),
    spikeMs: random.magnitude(20, 5_000),
    requestLostRate: rate(0.2),
    answerLostRate: rate(0.2),
    brokenRate: rate(0.2),
    clockSkewMs: random.chance(share) ? random.magnitude(10, 60_000) : 0,
    clockDrift: random.chance(share) ? 0.02 : 0,
    longestFreezeMs: random.pick([random.magnitude(500, 5_000), random.between(10_000, 60_000)]),
    longestCutMs: random.pick([random.magnitude(100, 5_000), random.between(5_000, 40_000)]),
    longestAbsenceMs: random.magnitude(100, 20_000),
  };
}

export function isFaultless(plan: FaultPlan): boolean {
  const { meanMs, natsLossRate, natsSpikeRate, storeSpikeRate, requestLostRate, answerLostRate, brokenRate } = plan;
  const rates = [natsLossRate, natsSpikeRate, storeSpikeRate, requestLostRate, answerLostRate, brokenRate];
  return Object.keys(meanMs).length === 0 && rates.every((rate) => rate === 0) && plan.clockSkewMs === 0;
}
