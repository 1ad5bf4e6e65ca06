/** A moment as people read it, in UTC. */
import { dateOfDay, dayMs } from './zoned-time.ts';

const two = (number: number) => String(number).padStart(2, '0');

/** `2026-11-21 03:30:05 UTC`; the fraction of a second is left out. */
export function utcText(atMs: number): string {
  const day = Math.floor(atMs / dayMs);
  const seconds = Math.floor((atMs - day * dayMs) / 1_000);
  const { year, month, day: dayOfMonth } = dateOfDay(day);
  const time = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(dayOfMonth)} ${time} UTC`;
}
