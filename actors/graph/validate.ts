/**
 * The rules of a graph of tasks: names are unique, needs exist, nothing needs itself, directly or in a circle.
 * Linear in tasks and needs, and without recursion: a chain of 50,000 tasks must not exhaust the stack.
 */

export interface GraphTask {
  readonly name: string;
  readonly needs: readonly string[];
}

/** One fault. `taskIndex` and `needIndex` point into the given list, so that the caller can find the text. */
export type GraphFault =
  | { code: 'DUPLICATE_TASK'; task: string; taskIndex: number; firstTaskIndex: number }
  | { code: 'UNKNOWN_NEED'; task: string; taskIndex: number; need: string; needIndex: number }
  | { code: 'SELF_NEED'; task: string; taskIndex: number; needIndex: number }
  | { code: 'DUPLICATE_NEED'; task: string; taskIndex: number; need: string; needIndex: number; firstNeedIndex: number }
  /** `cycle` names each task and the one it needs next; the first name stands again at the end. */
  | { code: 'CYCLE'; cycle: readonly string[]; taskIndex: number; needIndex: number };

/** All faults, in the order of the tasks; of tasks that need each other in circles, one shortest circle for each knot. */
export function validateGraph(tasks: readonly GraphTask[]): GraphFault[] {
  const faults: GraphFault[] = [];
  const indexByName = indexNames(tasks, faults);
  const edges = tasks.map((task, taskIndex) => collectEdges(task, taskIndex, indexByName, faults));
  for (const knot of findKnots(edges)) faults.push(nameCycle(tasks, edges, knot));
  return faults.sort((a, b) => a.taskIndex - b.taskIndex);
}

function indexNames(tasks: readonly GraphTask[], faults: GraphFault[]): Map<string, number> {
  const indexByName = new Map<string, number>();
  for (const [taskIndex, { name }] of tasks.entries()) {
    const firstTaskIndex = indexByName.get(name);
    if (firstTaskIndex === undefined) indexByName.set(name, taskIndex);
    else faults.push({ code: 'DUPLICATE_TASK', task: name, taskIndex, firstTaskIndex });
  }
  return indexByName;
}

/** Indexes of the tasks that this one needs; needs with a fault are left out. */
function collectEdges(
  { name, needs }: GraphTask,
  taskIndex: number,
  indexByName: ReadonlyMap<string, number>,
  faults: GraphFault[],
): number[] {
  const edges: number[] = [];
  const seen = new Map<string, number>();
  for (const [needIndex, need] of needs.entries()) {
    const firstNeedIndex = seen.get(need);
    const target = indexByName.get(need);
    if (firstNeedIndex !== undefined) {
      faults.push({ code: 'DUPLICATE_NEED', task: name, taskIndex, need, needIndex, firstNeedIndex });
      continue;
    }
    seen.set(need, needIndex);
    if (need === name) faults.push({ code: 'SELF_NEED', task: name, taskIndex, needIndex });
    else if (target === undefined) faults.push({ code: 'UNKNOWN_NEED', task: name, taskIndex, need, needIndex });
    else edges.push(target);
  }
  return edges;
}

/** Strongly connected components of more than one task (Tarjan, with a stack of its own). */
function findKnots(edges: readonly (readonly number[])[]): number[][] {
  const search = {
    order: new Int32Array(edges.length),
    low: new Int32Array(edges.length),
    onStack: new Uint8Array(edges.length),
    nextEdge: new Int32Array(edges.length),
    stack: [] as number[],
    orderLast: 0,
  };
  const knots: number[][] = [];
  for (let root = 0; root < edges.length; root += 1) {
    if (search.order[root] === 0) searchFrom(root, edges, search, knots);
  }
  return knots;
}

interface KnotSearch {
  /** When each task was first seen, from 1; 0 is not yet. */
  order: Int32Array;
  low: Int32Array;
  onStack: Uint8Array;
  nextEdge: Int32Array;
  stack: number[];
  orderLast: number;
}

function searchFrom(root: number, edges: readonly (readonly number[])[], search: KnotSearch, knots: number[][]): void {
  const path = [root];
  enter(root, search);
  for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
    const target = edges[node]?.[search.nextEdge[node] ?? 0];
    search.nextEdge[node] = (search.nextEdge[node] ?? 0) + 1;
    if (target === undefined) {
      path.pop();
      leave(node, path.at(-1), search, knots);
      continue;
    }
    if (search.order[target] === 0) {
      enter(target, search);
      path.push(target);
      continue;
    }
    if (search.onStack[target] === 1) lower(node, search.order[target] ?? 0, search);
  }
}

function enter(node: number, search: KnotSearch): void {
  search.orderLast += 1;
  search.order[node] = search.orderLast;
  search.low[node] = search.orderLast;
  search.onStack[node] = 1;
  search.stack.push(node);
}

function leave(node: number, parent: number | undefined, search: KnotSearch, knots: number[][]): void {
  if (parent !== undefined) lower(parent, search.low[node] ?? 0, search);
  if (search.low[node] !== search.order[node]) return;
  const knot = search.stack.splice(search.stack.lastIndexOf(node));
  for (const member of knot) search.onStack[member] = 0;
  if (knot.length > 1) knots.push(knot);
}

function lower(node: number, value: number, search: KnotSearch): void {
  search.low[node] = Math.min(search.low[node] ?? value, value);
}

/** A shortest circle through the first task of the knot, found breadth first. */
function nameCycle(
  tasks: readonly GraphTask[],
  edges: readonly (readonly number[])[],
  knot: readonly number[],
): GraphFault {
  const start = knot.reduce((first, node) => Math.min(first, node));
  const circle = shortestCircle(start, edges, new Set(knot));
  const cycle = [...circle, start].map((node) => tasks[node]?.name ?? '');
  const needIndex = tasks[start]?.needs.indexOf(cycle[1] ?? '') ?? 0;
  return { code: 'CYCLE', cycle, taskIndex: start, needIndex };
}

function shortestCircle(start: number, edges: readonly (readonly number[])[], members: ReadonlySet<number>): number[] {
  const reachedFrom = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const target of edges[node] ?? []) {
      if (target === start) return trace(node, start, reachedFrom);
      if (!members.has(target) || reachedFrom.has(target)) continue;
      reachedFrom.set(target, node);
      queue.push(target);
    }
  }
  throw new Error(`A knot of ${members.size} tasks has no circle through its first task; this is a fault of Millrace.`);
}

function trace(end: number, start: number, reachedFrom: ReadonlyMap<number, number>): number[] {
  const circle = [end];
  for (let node = end; node !== start; circle.push(node)) node = reachedFrom.get(node) ?? start;
  return circle.reverse();
}
