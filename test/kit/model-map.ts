/** A map in the plain model of the language: its items, whose turn it is, and how it ends. */
import type { MapSettings } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';
import { type End, isLive, type ModelTask, newTask, statusOfBegun } from './model-task.ts';

const ends: readonly string[] = ['succeeded', 'failed', 'stopped', 'skipped'];
const hasEnded = ({ phase }: ModelTask) => ends.includes(phase);
export const isBad = ({ phase }: ModelTask) => phase === 'failed' || phase === 'stopped';

/** Items of a map that begins; false when its list has no meaning. Random maps have one list. */
export function expand(map: ModelTask): boolean {
  const { over, task } = settingsOf(map);
  const values = over[0]?.values ?? [];
  if (typeof values === 'string' && !values.startsWith('[')) return false;
  const count = typeof values === 'string' ? values.split(',').length : values.length;
  map.items ??= Array.from({ length: count }, (_, index) => {
    const name = `${map.definition.name}[${index}]` as TaskName;
    return { ...newTask({ ...task, name, needs: [] }, false), map };
  });
  map.failedBefore = badCount(map);
  Object.assign(map, { phase: 'expanded', hasTried: true });
  return true;
}

/** The first items that have not begun are ready, as many as may be under way. */
export function takeTurns(map: ModelTask): void {
  map.failedBefore = Math.min(map.failedBefore, badCount(map));
  if (map.phase !== 'expanded' || map.cancelledFor !== undefined) return;
  const limit = settingsOf(map).concurrency ?? Number.POSITIVE_INFINITY;
  for (const item of itemsOf(map)) {
    const underWay = itemsOf(map).filter((one) => one.phase !== 'idle' && !hasEnded(one));
    if (item.phase === 'idle' && underWay.length < limit) item.phase = 'ready';
  }
}

export function isFailing(map: ModelTask): boolean {
  const { failures } = settingsOf(map);
  return failures !== 'continue' && badCount(map) - map.failedBefore > failuresMaxOf(map);
}

export function stopItems(map: ModelTask): void {
  for (const item of itemsOf(map)) {
    if (hasEnded(item)) continue;
    item.isAbsent = false;
    if (isLive(item)) item.cancelledFor = 'stop';
    else item.phase = 'stopped';
  }
}

/** The end that its items lead to; undefined while one of them goes on. */
export function endOf(map: ModelTask): End | undefined {
  if (map.phase !== 'expanded' || !itemsOf(map).every(hasEnded)) return undefined;
  const hasStopped = itemsOf(map).some(({ phase }) => phase === 'stopped');
  if (map.cancelledFor === 'stop' && hasStopped) return 'stopped';
  if (map.cancelledFor === 'timeout' && hasStopped) return 'failed';
  return badCount(map) > failuresMaxOf(map) ? 'failed' : 'succeeded';
}

export const itemStatus = (item: ModelTask): string => (item.phase === 'idle' ? 'waiting' : statusOfBegun(item));

export const itemsOf = ({ items }: ModelTask): readonly ModelTask[] => items ?? [];

const badCount = (map: ModelTask) => itemsOf(map).filter(isBad).length;

function failuresMaxOf(map: ModelTask): number {
  const { failures } = settingsOf(map);
  return typeof failures === 'object' ? failures.max : 0;
}

function settingsOf({ definition: { name, settings } }: ModelTask): MapSettings {
  if (settings.type !== 'map') throw new Error(`${name} is no map`);
  return settings;
}
