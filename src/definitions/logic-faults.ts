/** Faults of `switch` and `conditions` tasks: ways that lead nowhere, conditions on what is not needed, expressions that are none. */
import type { GraphTask } from '../../actors/graph/validate.ts';
import { type CaseSurroundings, caseFaults } from './case-faults.ts';
import type { FoundFault } from './definition-fault.ts';
import type { LogicTask } from './logic-tasks.ts';
import { nearestName } from './nearest-name.ts';

/** Comparing a name with all others is slow in large graphs; the first few faults are enough to see the slip. */
const suggestionCountMax = 20;
const namedMax = 10;

type NameAt = LogicTask['asked'][number];

/** @param params names of the parameters of the workflow */
export function logicFaults(
  tasks: readonly GraphTask[],
  logic: readonly LogicTask[],
  params: readonly string[],
): FoundFault[] {
  const checker = new LogicChecker(tasks, logic);
  return logic.flatMap((task) => checker.faultsOf(task, params));
}

class LogicChecker {
  readonly #names: ReadonlySet<string>;
  readonly #dependants = new Map<string, Set<string>>();
  #suggestionCount = 0;

  constructor(tasks: readonly GraphTask[], logic: readonly LogicTask[]) {
    this.#names = new Set(tasks.map(({ name }) => name));
    for (const { name } of logic) this.#dependants.set(name, new Set());
    for (const { name, needs } of tasks) for (const need of needs) this.#dependants.get(need)?.add(name);
  }

  faultsOf(task: LogicTask, params: readonly string[]): FoundFault[] {
    const surroundings: CaseSurroundings = { params: [...params, ...task.params], needs: task.needs };
    return [
      ...task.ways.flatMap((way) => this.#wayFaults(task, way)),
      ...this.#askedFaults(task),
      ...caseFaults(task, surroundings),
      ...leadsNowhere(task),
    ];
  }

  #wayFaults({ name: task }: LogicTask, way: readonly NameAt[]): FoundFault[] {
    const dependants = this.#dependants.get(task) ?? new Set();
    const seen = new Set<string>();
    return way.flatMap((named): FoundFault[] => {
      const { name } = named;
      if (seen.has(name)) return [faultAt(named, 'BAD_VALUE', `"${name}" stands here twice`, 'Remove one of the two.')];
      seen.add(name);
      if (dependants.has(name)) return [];
      const others =
        dependants.size === 0 ? `No task needs "${task}" yet.` : `Tasks that need it: ${listOf(dependants)}.`;
      const remedy = this.#nearest(name, dependants);
      if (!this.#names.has(name)) {
        return [faultAt(named, 'UNKNOWN_TASK', `there is no task "${name}" to go on with`, remedy ?? others)];
      }
      const message = `the task "${name}" does not need "${task}", so no way of it leads there`;
      const advice = name === task ? others : `Add "${task}" to the needs of "${name}". ${remedy ?? others}`;
      return [faultAt(named, 'UNCONNECTED_TASK', message, advice)];
    });
  }

  #askedFaults({ name: task, needs, asked }: LogicTask): FoundFault[] {
    return asked.flatMap((named): FoundFault[] => {
      const { name } = named;
      if (needs.includes(name)) return [];
      const others = needs.length === 0 ? `"${task}" needs no task yet.` : `It needs ${listOf(needs)}.`;
      const remedy = this.#nearest(name, needs);
      if (!this.#names.has(name)) {
        return [faultAt(named, 'UNKNOWN_TASK', `there is no task "${name}" to look at`, remedy ?? others)];
      }
      const message = `"${task}" does not need "${name}", so it does not know how that ends`;
      const advice = name === task ? others : `Add "${name}" to the needs of "${task}". ${remedy ?? others}`;
      return [faultAt(named, 'UNCONNECTED_TASK', message, advice)];
    });
  }

  #nearest(name: string, known: Iterable<string>): string | undefined {
    this.#suggestionCount += 1;
    if (this.#suggestionCount > suggestionCountMax) return undefined;
    const nearest = nearestName(name, known);
    return nearest === undefined ? undefined : `Did you mean "${nearest}"?`;
  }
}

/** Conditions without ways may stand for a failure that is handled; a switch without ways does nothing. */
function leadsNowhere({ cases, ways, path }: LogicTask): FoundFault[] {
  if (cases.length === 0 || ways.some((way) => way.length > 0)) return [];
  const message = 'no way of this switch names a task, so it decides nothing';
  const remedy = 'Name tasks that need it in "next" or "otherwise".';
  return [{ code: 'BAD_VALUE', path: [...path, 'cases'], message, remedy, at: 'name' }];
}

function faultAt({ path, at }: NameAt, code: FoundFault['code'], message: string, remedy: string): FoundFault {
  return { code, path, message, remedy, at };
}

function listOf(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, namedMax).join(', ');
  return all.length > namedMax ? `${shown}, and ${all.length - namedMax} more` : shown;
}
