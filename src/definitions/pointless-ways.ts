/**
 * Ways that change nothing: a task runs if one of the ways to it is taken, so one that also needs a task which is never
 * skipped runs in any case.
 */
import type { GraphTask } from '../../actors/graph/validate.ts';
import type { FoundFault } from './definition-fault.ts';
import type { LogicTask } from './logic-tasks.ts';

export function pointlessWays(tasks: readonly GraphTask[], logic: readonly LogicTask[]): FoundFault[] {
  const ways = new Map(logic.map((task) => [task.name, namesOnWays(task)]));
  const needsOf = new Map(tasks.map(({ name, needs }) => [name, needs]));
  const skippable = skippableTasks(tasks, ways);
  /** A task in a circle is in neither set: its own fault is told. */
  const canBeDead = (need: string, name: string) =>
    ways.get(need)?.onlySome.has(name) === true || skippable.get(need) !== false;
  return logic.flatMap(({ name, ways: lists }) => {
    const seen = new Set<string>();
    return lists.flat().flatMap((named): FoundFault[] => {
      const needs = needsOf.get(named.name) ?? [];
      if (seen.has(named.name) || !needs.includes(name) || !canBeDead(name, named.name)) return [];
      seen.add(named.name);
      const firm = needs.find((need) => !canBeDead(need, named.name));
      return firm === undefined ? [] : [pointless(named, firm)];
    });
  });
}

type Ways = ReadonlyMap<string, { onlySome: ReadonlySet<string> }>;

/** Tasks that some ways name and others do not. */
function namesOnWays({ ways }: LogicTask): { onlySome: ReadonlySet<string> } {
  const counts = new Map<string, number>();
  for (const way of ways) {
    for (const name of new Set(way.map((named) => named.name))) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return { onlySome: new Set([...counts].filter(([, count]) => count < ways.length).map(([name]) => name)) };
}

/** Whether a task may be skipped because no way leads to it: all that it needs is skipped so, or goes another way. */
function skippableTasks(tasks: readonly GraphTask[], ways: Ways): ReadonlyMap<string, boolean> {
  const dependants = new Map<string, GraphTask[]>();
  const openCounts = new Map(tasks.map(({ name, needs }) => [name, needs.length]));
  for (const task of tasks) {
    for (const need of task.needs) {
      const known = dependants.get(need);
      if (known === undefined) dependants.set(need, [task]);
      else known.push(task);
    }
  }
  const found = new Map<string, boolean>();
  const ready = tasks.filter(({ needs }) => needs.length === 0);
  for (const { name, needs } of ready) {
    const isDead = (need: string) => ways.get(need)?.onlySome.has(name) === true || found.get(need) === true;
    found.set(name, needs.length > 0 && needs.every(isDead));
    for (const dependant of dependants.get(name) ?? []) {
      const openCount = (openCounts.get(dependant.name) ?? 0) - 1;
      openCounts.set(dependant.name, openCount);
      if (openCount === 0) ready.push(dependant);
    }
  }
  return found;
}

function pointless({ name, path, at }: LogicTask['asked'][number], firm: string): FoundFault {
  const message = `the task "${name}" also needs "${firm}", which is never skipped: it runs whichever way is taken`;
  const remedy = `Remove "${firm}" from the needs of "${name}", or let the way lead to a task of its own.`;
  return { code: 'POINTLESS_WAY', path, message, remedy, at };
}
