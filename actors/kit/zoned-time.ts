/**
 * Calendar time in a time zone, exact where clocks are changed: days of 23 or 25 hours, hours that come twice, hours that
 * never come. A local time is a number of milliseconds as if its calendar were UTC's.
 *
 * The rules of the zones are those of the runtime (IANA names); nothing of this decides what a run's stream means.
 */

/** A day by its number: 0 is 1970-01-01. */
export type DayNumber = number;

export type CalendarDate = { year: number; month: number; day: number };

export const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Whether the runtime knows the zone: `UTC`, `Europe/Berlin`. */
export function isTimeZone(zone: string): boolean {
  try {
    formatterOf(zone);
    return true;
  } catch {
    return false; // The runtime answers a name that it does not know with a RangeError.
  }
}

export function localMsOf(atMs: number, zone: string): number {
  return atMs + offsetMsAt(atMs, zone);
}

export function dayOf(atMs: number, zone: string): DayNumber {
  return Math.floor(localMsOf(atMs, zone) / dayMs);
}

/** The first moment of a day: 00:00, or where clocks skip it, the moment after the gap. */
export function startOfDay(day: DayNumber, zone: string): number {
  return firstMomentAt(day * dayMs, zone);
}

/** Monday is 0, Sunday 6. */
export function weekdayOf(day: DayNumber): number {
  return (((day + 3) % 7) + 7) % 7;
}

/**
 * The hour of the wall clock in which a moment lies: `untilAt` is the first moment after it. An hour that comes twice is two;
 * a change of the clock within an hour ends it.
 */
export function hourAround(atMs: number, zone: string): { fromAt: number; untilAt: number } {
  const offsetMs = offsetMsAt(atMs, zone);
  const fullAt = atMs - ((((atMs + offsetMs) % hourMs) + hourMs) % hourMs);
  const nextAt = fullAt + hourMs;
  const hasOffset = (moment: number) => offsetMsAt(moment, zone) === offsetMs;
  const fromAt = hasOffset(fullAt) ? fullAt : firstMoment(fullAt, atMs, hasOffset);
  const untilAt = hasOffset(nextAt - 1) ? nextAt : firstMoment(atMs, nextAt, (moment) => !hasOffset(moment));
  return { fromAt, untilAt };
}

/** After Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last of its year. */
export function dateOfDay(day: DayNumber): CalendarDate {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day1 = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: day1 };
}

/** Months below 1 and above 12 run on into the years beside: month 0 is December of the year before. */
export function dayNumberOf({ year, month, day }: CalendarDate): DayNumber {
  const monthIndex = year * 12 + month - 1;
  const realMonth = (((monthIndex % 12) + 12) % 12) + 1;
  const shiftedYear = Math.floor(monthIndex / 12) - (realMonth <= 2 ? 1 : 0);
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (realMonth > 2 ? realMonth - 3 : realMonth + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The first moment at which the wall clock shows this time or, where it is skipped, a later one. */
export function firstMomentAt(localMs: number, zone: string): number {
  const before = offsetMsAt(localMs - dayMs, zone);
  const after = offsetMsAt(localMs + dayMs, zone);
  const earliest = localMs - Math.max(before, after);
  if (offsetMsAt(earliest, zone) === Math.max(before, after)) return earliest;
  const latest = localMs - Math.min(before, after);
  return firstMoment(earliest, latest, (moment) => localMsOf(moment, zone) >= localMs);
}

/** The first of the moments after `low` and up to `high` that holds; `low` does not, `high` does, and it changes once. */
function firstMoment(low: number, high: number, holds: (moment: number) => boolean): number {
  let below = low;
  let found = high;
  while (found - below > 1) {
    const middle = Math.floor((below + found) / 2);
    if (holds(middle)) found = middle;
    else below = middle;
  }
  return found;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  const kept = formatters.get(zone);
  if (kept !== undefined) return kept;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(zone, made);
  return made;
}

/** How far the zone's clocks are ahead of UTC at a moment, in milliseconds; whole seconds. */
function offsetMsAt(atMs: number, zone: string): number {
  const wholeMs = Math.floor(atMs / 1_000) * 1_000;
  const parts: Partial<Record<string, number>> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(wholeMs)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const localMs = dayNumberOf({ year, month, day }) * dayMs + ((hour * 60 + minute) * 60 + second) * 1_000;
  return localMs - wholeMs;
}
