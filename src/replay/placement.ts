/** Why an attempt went to its worker: the candidates that its owner compared, as the event kept them. */
import type { PlacementReason } from '../../schemas/events/workflow-instance.events.ts';
import type { ReplayedRun } from './replayed-run.ts';

export type Placement = {
  revision: number;
  task: string;
  attempt: number;
  worker: string;
  balancer: string;
  /** The winner first. Of many only some were kept. */
  candidates: { worker: string; freeSlots: number; load: number; isWinner: boolean }[];
  candidateCount: number;
  sentence: string;
};

/** Undefined when the event assigned nothing. */
export function placementAt(run: ReplayedRun, revision: number): Placement | undefined {
  const event = run.event(revision);
  if (event.type !== 'TaskAssigned') return undefined;
  const { task, attempt, worker, why } = event.data;
  const candidates = why.candidates
    .map((candidate) => ({ ...candidate, isWinner: candidate.worker === worker }))
    .toSorted((a, b) => Number(b.isWinner) - Number(a.isWinner));
  const { balancer, candidateCount } = why;
  return { revision, task, attempt, worker, balancer, candidates, candidateCount, sentence: sentenceOf(worker, why) };
}

/** The newest assignment of the task up to that revision. */
export function lastPlacement(run: ReplayedRun, task: string, upTo: number): Placement | undefined {
  for (let revision = upTo; revision >= 0; revision -= 1) {
    const event = run.event(revision);
    if (event.type === 'TaskAssigned' && event.data.task === task) return placementAt(run, revision);
  }
  return undefined;
}

function sentenceOf(worker: string, { balancer, candidates, candidateCount }: PlacementReason): string {
  if (candidateCount === 1) return `${worker} was the only worker that could take it`;
  const won = candidates.find((candidate) => candidate.worker === worker);
  const figures = won === undefined ? '' : ` (load ${percent(won.load)}, ${won.freeSlots} free slots)`;
  return `${worker}${figures} was chosen among ${candidateCount}: ${ruleOf(balancer)}`;
}

function ruleOf(balancer: string): string {
  switch (balancer) {
    case 'leastBusyOfTwo':
      return 'of two that were drawn at random the less busy one wins';
    case 'lowerWeight':
      return 'the one with the lowest weight of slots and cpu in use wins';
    case 'roundRobin':
      return 'they take turns in the order of their ids';
    case 'random':
      return 'one is drawn at random';
    default:
      return `the balancer ${balancer} decides`;
  }
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
