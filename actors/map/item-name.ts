/** Names of the items of a map: `resize[17]` is the item 17, counted from 0, of the map `resize`. */
import type { TaskName } from '../../schemas/ids.ts';

const itemPattern = /^(.+)\[(\d+)\]$/;

export function itemNameOf(map: TaskName, item: number): TaskName {
  return `${map}[${item}]` as TaskName;
}

/** Undefined for the name of a task that is no item. */
export function itemIn(name: TaskName): { map: TaskName; item: number } | undefined {
  const [, map, item] = itemPattern.exec(name) ?? [];
  return map === undefined ? undefined : { map: map as TaskName, item: Number(item) };
}

/** The task of the definition: the map of an item, else the task itself. */
export function definedNameOf(name: TaskName): TaskName {
  return itemIn(name)?.map ?? name;
}
