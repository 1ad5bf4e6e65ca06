/** A machine refuses an event. Known by its name: the machine of another build has a class of its own. */
import type { BrokenJournal } from '../../actors/kit/decider.ts';

export function isBrokenJournal(fault: unknown): fault is BrokenJournal {
  return fault instanceof Error && fault.name === 'BrokenJournal';
}
