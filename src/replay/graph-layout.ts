/**
 * Places for the tasks of a workflow: each in the column after the last one that it needs, each column ordered so that few
 * edges cross (every node is drawn to the middle of its neighbours, forth and back, some times over). Edges that pass
 * columns get a place in each of them, so that they run between the tasks. See docs/decisions on why this is our own.
 */
import type { Plan } from '../../actors/graph/plan.ts';

export type PlacedTask = { index: number; column: number; row: number };

export type GraphLayout = {
  tasks: PlacedTask[];
  /** From the task that is needed to the one that needs it, by way of the columns in between. */
  edges: { from: number; to: number; rows: number[] }[];
  columnCount: number;
  /** Rows of the longest column. */
  rowCount: number;
};

type Node = { column: number; before: number[]; after: number[] };

const sweepsMax = 8;
/** Above that, edges are drawn straight: nobody sees single ones any more. */
const passedPlacesMax = 20_000;

export function layoutOf(plan: Plan): GraphLayout {
  const columns = columnsOf(plan);
  const nodes: Node[] = columns.map((column) => ({ column, before: [], after: [] }));
  const edges = plan.tasks.flatMap(({ index, needs }) => needs.map((need) => ({ from: need, to: index })));
  const passed = edges.reduce((sum, { from, to }) => sum + (columns[to] ?? 0) - (columns[from] ?? 0) - 1, 0);
  const ways = edges.map(({ from, to }) => chain(nodes, from, to, passed <= passedPlacesMax));
  const rows = rowsOf(nodes);
  return {
    tasks: columns.map((column, index) => ({ index, column, row: rows[index] ?? 0 })),
    edges: edges.map(({ from, to }, index) => ({ from, to, rows: (ways[index] ?? []).map((node) => rows[node] ?? 0) })),
    columnCount: nodes.reduce((most, { column }) => Math.max(most, column + 1), 0),
    rowCount: rows.reduce((most, row) => Math.max(most, row + 1), 0),
  };
}

/** A definition has no cycle, but its tasks may stand in any order. */
function columnsOf({ tasks }: Plan): number[] {
  const columns = tasks.map(() => 0);
  const open = tasks.map(({ needs }) => needs.length);
  const free = tasks.filter(({ needs }) => needs.length === 0).map(({ index }) => index);
  for (const index of free) {
    for (const next of tasks[index]?.successors ?? []) {
      columns[next] = Math.max(columns[next] ?? 0, (columns[index] ?? 0) + 1);
      open[next] = (open[next] ?? 0) - 1;
      if (open[next] === 0) free.push(next);
    }
  }
  return columns;
}

/** Nodes for the columns that an edge passes, linked one after the other. */
function chain(nodes: Node[], from: number, to: number, isPlaced: boolean): number[] {
  const passed: number[] = [];
  let last = from;
  const firstColumn = (nodes[from]?.column ?? 0) + 1;
  for (let column = firstColumn; isPlaced && column < (nodes[to]?.column ?? 0); column += 1) {
    nodes.push({ column, before: [], after: [] });
    const next = nodes.length - 1;
    link(nodes, last, next);
    passed.push(next);
    last = next;
  }
  link(nodes, last, to);
  return passed;
}

function link(nodes: Node[], from: number, to: number): void {
  nodes[from]?.after.push(to);
  nodes[to]?.before.push(from);
}

function rowsOf(nodes: readonly Node[]): number[] {
  const columns: number[][] = [];
  for (const [index, { column }] of nodes.entries()) {
    const inColumn = columns[column] ?? [];
    inColumn.push(index);
    columns[column] = inColumn;
  }
  const rows = nodes.map(() => 0);
  for (const column of columns) number(column, rows);
  for (let sweep = 0; sweep < sweepsMax; sweep += 1) {
    const isForth = sweep % 2 === 0;
    for (const column of isForth ? columns : columns.toReversed()) {
      order(column, rows, (index) => (isForth ? nodes[index]?.before : nodes[index]?.after) ?? []);
    }
  }
  return rows;
}

function order(column: number[], rows: number[], neighbours: (index: number) => readonly number[]): void {
  const middles = new Map(column.map((index) => [index, middle(neighbours(index), rows) ?? rows[index] ?? 0]));
  column.sort((a, b) => (middles.get(a) ?? 0) - (middles.get(b) ?? 0));
  number(column, rows);
}

function number(column: readonly number[], rows: number[]): void {
  for (const [row, index] of column.entries()) rows[index] = row;
}

function middle(neighbours: readonly number[], rows: readonly number[]): number | undefined {
  if (neighbours.length === 0) return undefined;
  return neighbours.reduce((sum, index) => sum + (rows[index] ?? 0), 0) / neighbours.length;
}
