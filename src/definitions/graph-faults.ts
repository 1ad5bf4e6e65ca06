/** Puts the faults of a graph into words and paths. */
import type { GraphFault, GraphTask } from '../../actors/graph/validate.ts';
import { validateGraph } from '../../actors/graph/validate.ts';
import type { FoundFault, PathStep } from './definition-fault.ts';
import { nearestName } from './nearest-name.ts';

const cycleNameCountMax = 20;
/** Comparing a need with all names is slow in large graphs; the first few faults are enough to see the slip. */
const suggestionCountMax = 20;

/** `pathOf` gives the path of a task, or of one of its needs. */
export function graphFaults(
  tasks: readonly GraphTask[],
  pathOf: (taskIndex: number, needIndex?: number) => readonly PathStep[],
): FoundFault[] {
  const names = tasks.map(({ name }) => name);
  let unknownCount = 0;
  return validateGraph(tasks).map((fault) => {
    if (fault.code === 'UNKNOWN_NEED') unknownCount += 1;
    const known = unknownCount > suggestionCountMax ? [] : names;
    const path = 'needIndex' in fault ? pathOf(fault.taskIndex, fault.needIndex) : pathOf(fault.taskIndex);
    return { code: fault.code, path, at: 'value', ...wordsFor(fault, known) };
  });
}

function wordsFor(fault: GraphFault, known: readonly string[]): { message: string; remedy: string } {
  switch (fault.code) {
    case 'DUPLICATE_TASK':
      return {
        message: `expected each task once, came "${fault.task}" again (the first is number ${fault.firstTaskIndex + 1})`,
        remedy: 'Rename or remove one of the two tasks.',
      };
    case 'UNKNOWN_NEED':
      return { message: `there is no task "${fault.need}" to need`, remedy: remedyForUnknown(fault, known) };
    case 'SELF_NEED':
      return { message: `the task "${fault.task}" needs itself`, remedy: 'Remove this need.' };
    case 'DUPLICATE_NEED':
      return {
        message: `expected each need once, came "${fault.need}" again (need ${fault.firstNeedIndex + 1} is the same)`,
        remedy: 'Remove one of the two.',
      };
    case 'CYCLE':
      return {
        message: `tasks need each other in a circle: ${formatCycle(fault.cycle)}`,
        remedy: 'Each arrow reads "needs"; remove one of these needs.',
      };
  }
}

function remedyForUnknown({ task, need }: { task: string; need: string }, known: readonly string[]): string {
  const others = known.filter((name) => name !== task);
  const nearest = nearestName(need, others);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  if (others.length === 0) return 'Remove this need, or add the task.';
  const shown = others.slice(0, 10).join(', ');
  return `Known tasks: ${shown}${others.length > 10 ? `, and ${others.length - 10} more` : ''}.`;
}

function formatCycle(cycle: readonly string[]): string {
  if (cycle.length <= cycleNameCountMax) return cycle.join(' -> ');
  const shown = cycle.slice(0, cycleNameCountMax - 1).join(' -> ');
  return `${shown} -> ... (${cycle.length - 1} tasks in all) -> ${cycle.at(-1)}`;
}
