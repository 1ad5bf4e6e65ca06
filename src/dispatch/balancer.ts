/** The ways to choose one of several workers that could take an attempt. All prefer nothing but what they say. */
import type { Balancer } from '../../schemas/config.schema.ts';
import type { WorkerId } from '../../schemas/ids.ts';

/** A worker with at least one free slot, as this master sees it now. */
export type Candidate = {
  worker: WorkerId;
  /** Slots that neither the last heartbeat nor later assignments of this master take. At least 1. */
  freeSlots: number;
  /** Share of its slots in use, 0 to 1, assignments since its last heartbeat included. */
  load: number;
  /** Share of its machine's cpu in use at the last heartbeat, 0 to 1. */
  cpu: number;
};

export type Choose = (candidates: readonly Candidate[]) => Candidate;

/** @param random gives numbers in [0, 1) */
export function balancerOf(name: Balancer, random: () => number): Choose {
  switch (name) {
    case 'random':
      return (candidates) => pick(candidates, random);
    case 'roundRobin':
      return roundRobin();
    case 'leastBusyOfTwo':
      return (candidates) => lighter(pick(candidates, random), pick(candidates, random), slotLoad);
    case 'lowerWeight':
      return (candidates) => candidates.reduce((best, next) => lighter(best, next, weight));
  }
}

/** Workers take turns in the order of their ids, whoever has joined or left in between. */
function roundRobin(): Choose {
  let last = '';
  return (candidates) => {
    const inOrder = candidates.toSorted((a, b) => (a.worker < b.worker ? -1 : 1));
    const next = inOrder.find(({ worker }) => worker > last) ?? (inOrder[0] as Candidate);
    last = next.worker;
    return next;
  };
}

const slotLoad = ({ load }: Candidate) => load;

/** Slots count most, since they change with each assignment; the cpu only with each heartbeat. The lowest weight is chosen. */
const weight = ({ load, cpu }: Candidate) => 0.7 * load + 0.3 * cpu;

function lighter(a: Candidate, b: Candidate, by: (candidate: Candidate) => number): Candidate {
  return by(b) < by(a) ? b : a;
}

function pick(candidates: readonly Candidate[], random: () => number): Candidate {
  return candidates[Math.floor(random() * candidates.length)] as Candidate;
}
