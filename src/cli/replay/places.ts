/** Places in a history as a person writes them: an event's number, a time, or the time since the beginning. */
import { parseDurationMs } from '../../../schemas/duration.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ReplayedRun } from '../../replay/replayed-run.ts';

/** @throws AppError BAD_REQUEST */
export function placeOf(run: ReplayedRun, text: string): number {
  const place = text.trim();
  if (place === 'start') return 0;
  const [isFromEnd, back = '0'] = /^end(?:-(\d+))?$/.exec(place) ?? [];
  if (isFromEnd !== undefined) return checked(run, run.lastRevision - Number(back));
  if (/^#?\d+$/.test(place)) return checked(run, Number(place.replace('#', '')));
  const atMs = place.startsWith('+') ? sinceBeginning(run, place.slice(1)) : Date.parse(place);
  if (Number.isNaN(atMs)) {
    throw new AppError(
      'BAD_REQUEST',
      `"${text}" is no place in a run: expected the number of an event, +90s since its beginning, a time such as 2030-01-31T08:00:00Z, start, end or end-1`,
    );
  }
  return Math.max(0, run.revisionAt(atMs));
}

/** `17..25`, or `17` for the event of that number alone. */
export function placesOf(run: ReplayedRun, text: string): { from: number; to: number } {
  const [from = '', to] = text.split('..');
  const last = placeOf(run, to ?? from);
  return { from: to === undefined ? last - 1 : placeOf(run, from), to: last };
}

function checked(run: ReplayedRun, revision: number): number {
  run.at(revision);
  return revision;
}

function sinceBeginning(run: ReplayedRun, text: string): number {
  const durationMs = parseDurationMs(text);
  return durationMs === undefined ? Number.NaN : run.timeOf(0) + durationMs;
}
