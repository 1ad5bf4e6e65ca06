/**
 * The items of a map while its run is under change. At most as many are under way as the map allows: when one ends, the next
 * begins, found by a cursor that only a clearing sets back. No event visits all items, but for what concerns all of them:
 * a stop, the failure that stops the others, and what people ask of the whole map.
 */
import type { MapSettings } from '../../schemas/definition/workflow.definition.ts';
import type { ItemPlace, Plan } from '../graph/plan.ts';
import { at, entries, withAt } from '../kit/persistent-vector.ts';
import { itemIn } from '../map/item-name.ts';
import { foldTask } from '../task-instance/task-instance.fold.ts';
import {
  type Expansion,
  hasEnded,
  haveItemsEnded,
  type TaskMachineEvent,
  type TaskStatus,
} from '../task-instance/task-instance.state.ts';
import { addEffects, change, type Draft, stateAt } from './run-draft.ts';
import { isLive, type WorkflowInstanceContext } from './workflow-instance.state.ts';

/** A map was expanded: its first items begin. What was isolated by name before there were items is so from the start. */
export function expandItems(draft: Draft, map: number, isolated: WorkflowInstanceContext['isolated']): void {
  const name = draft.plan.tasks[map]?.definition.name;
  const { items } = expansionAt(draft, map);
  for (const { task } of isolated) {
    const place = itemIn(task);
    if (place?.map !== name || place === undefined || place.item >= items.length) continue;
    if (at(items, place.item).context.isolations === 0)
      changeItem(draft, { map, item: place.item }, { type: 'Isolated' });
  }
  beginItems(draft, map);
}

/** Folds an event into an item, and then what follows from it for its map. */
export function foldItem(draft: Draft, place: ItemPlace, event: TaskMachineEvent): void {
  const { map } = place;
  const before = stateAt(draft, map).context.expansion;
  if (before === null || place.item >= before.items.length) return;
  changeItem(draft, place, event);
  const { status, context } = stateAt(draft, map);
  const after = context.expansion;
  if (after === null || after.counts === before.counts || (status !== 'expanded' && status !== 'cancelling')) return;
  if (isFailing(draft.plan, map, after) && !isFailing(draft.plan, map, before)) stopItems(draft, map);
  else beginItems(draft, map);
}

/** Asks every unfinished item to stop. */
export function stopItems(draft: Draft, map: number): void {
  for (const [item, { status }] of entries(expansionAt(draft, map).items)) {
    if (!hasEnded(status)) changeItem(draft, { map, item }, { type: 'StopAsked' });
  }
  collectWhenEnded(draft, map);
}

/** Begins as many items as may be under way; asks for the end of the map when all have ended. */
export function beginItems(draft: Draft, map: number): void {
  const start = expansionAt(draft, map);
  if (stateAt(draft, map).status === 'expanded') {
    const limit = settingsOf(draft.plan, map).concurrency ?? Number.POSITIVE_INFINITY;
    let { next } = start;
    for (; next < start.items.length && underWayCount(expansionAt(draft, map)) < limit; next += 1) {
      const { status } = at(expansionAt(draft, map).items, next);
      if (status === 'waiting') changeItem(draft, { map, item: next }, { type: 'NeedMet' });
    }
    if (next !== start.next)
      change(draft, map, { type: 'ItemsChanged', expansion: { ...expansionAt(draft, map), next } });
  }
  collectWhenEnded(draft, map);
}

/** The chosen items are to run again. */
export function clearItems(draft: Draft, map: number, chosen: ReadonlySet<number>): void {
  for (const item of chosen) changeItem(draft, { map, item }, { type: 'Cleared', needCount: 0, isChosen: true });
  const expansion = expansionAt(draft, map);
  const next = Math.min(expansion.next, ...chosen);
  const failedBefore = badCount(expansion.counts);
  change(draft, map, { type: 'ItemsChanged', expansion: { ...expansion, next, failedBefore } });
}

/** The same event into each item of a map; nothing if the task is no map, or has not been expanded. */
export function changeItems(draft: Draft, map: number, event: TaskMachineEvent): void {
  const { expansion } = stateAt(draft, map).context;
  if (expansion !== null) for (const [item] of entries(expansion.items)) changeItem(draft, { map, item }, event);
}

export function changeItem(draft: Draft, { map, item }: ItemPlace, event: TaskMachineEvent): void {
  const expansion = expansionAt(draft, map);
  const before = at(expansion.items, item);
  const { state, effects } = foldTask(before, event);
  const items = withAt(expansion.items, item, state);
  const counts = recounted(expansion.counts, before.status, state.status);
  const failedBefore = Math.min(expansion.failedBefore, badCount(counts));
  change(draft, map, { type: 'ItemsChanged', expansion: { ...expansion, items, counts, failedBefore } });
  draft.liveItemCount += Number(isLive(state.status)) - Number(isLive(before.status));
  addEffects(draft, state, effects);
}

function recounted(counts: Expansion['counts'], before: TaskStatus, after: TaskStatus): Expansion['counts'] {
  if (before === after) return counts;
  return { ...counts, [before]: counts[before] - 1, [after]: counts[after] + 1 };
}

function collectWhenEnded(draft: Draft, map: number): void {
  const { status, context } = stateAt(draft, map);
  const isOpen = status === 'expanded' || status === 'cancelling';
  if (!isOpen || context.expansion === null || !haveItemsEnded(context.expansion)) return;
  draft.effects.push({ type: 'collectItems', task: context.task });
}

/** More items have failed since the map was expanded last than it allows. */
function isFailing(plan: Plan, map: number, { counts, failedBefore }: Expansion): boolean {
  const { failures } = settingsOf(plan, map);
  if (failures === 'continue') return false;
  const failuresMax = typeof failures === 'object' ? failures.max : 0;
  return badCount(counts) - failedBefore > failuresMax;
}

const badCount = ({ failed, stopped }: Expansion['counts']) => failed + stopped;

function underWayCount({ items, counts }: Expansion): number {
  const { waiting, succeeded, failed, stopped, blocked, skipped } = counts;
  return items.length - waiting - succeeded - failed - stopped - blocked - skipped;
}

function settingsOf(plan: Plan, map: number): MapSettings {
  const settings = plan.tasks[map]?.definition.settings;
  if (settings?.type !== 'map') throw new Error(`the task ${map} is no map`);
  return settings;
}

function expansionAt(draft: Draft, map: number): Expansion {
  const { context } = stateAt(draft, map);
  if (context.expansion === null) throw new Error(`the map ${context.task} has no items`);
  return context.expansion;
}
