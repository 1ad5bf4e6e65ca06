/**
 * Writes a time by a pattern of Java's DateTimeFormatter (`yyyy-MM-dd HH:mm:ss`, `'week' w`), in English. Weeks are those of
 * ISO 8601: they begin on Monday, and week 1 holds the first Thursday of the year.
 */
import { type CalendarDate, dateOfDay, dayMs, dayNumberOf, localMsOf, weekdayOf } from '../kit/zoned-time.ts';

/** A moment (milliseconds since 1970) and the zone in which it is written. */
export type ZonedMoment = { readonly at: number; readonly zone: string };

export type PatternResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

const months = 'January February March April May June July August September October November December'.split(' ');
const weekdays = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' ');

/** A quoted text, two quotes, a run of one letter, or anything else. */
const part = /'((?:[^']|'')+)'|('')|(([A-Za-z])\4*)|([^A-Za-z']+)/gy;

type Fields = CalendarDate & { msOfDay: number; day1970: number; offsetMs: number; moment: ZonedMoment };
type Writer = (fields: Fields, count: number) => string;

const hourOf = ({ msOfDay }: Fields) => Math.floor(msOfDay / 3_600_000);
const padded = (value: number, count: number) => String(value).padStart(count, '0');
const numeric =
  (fieldOf: (fields: Fields) => number): Writer =>
  (fields, count) =>
    padded(fieldOf(fields), count);

const year: Writer = (fields, count) => yearText(fields.year, count);
const month: Writer = (fields, count) =>
  count <= 2 ? padded(fields.month, count) : named(months[fields.month - 1], count);
const weekdayNumber = numeric(({ day1970 }) => weekdayOf(day1970) + 1);
const quarter = numeric(({ month: number }) => Math.ceil(number / 3));

const writers: Record<string, Writer> = {
  y: year,
  u: year,
  Y: (fields, count) => yearText(weekOf(fields.day1970).year, count),
  M: month,
  L: month,
  d: numeric(({ day }) => day),
  D: numeric(({ day1970, year: number }) => day1970 - dayNumberOf({ year: number, month: 1, day: 1 }) + 1),
  w: numeric(({ day1970 }) => weekOf(day1970).week),
  E: ({ day1970 }, count) => named(weekdays[weekdayOf(day1970)], count),
  e: weekdayNumber,
  c: weekdayNumber,
  Q: quarter,
  q: quarter,
  a: (fields) => (hourOf(fields) < 12 ? 'AM' : 'PM'),
  H: numeric(hourOf),
  k: numeric((fields) => hourOf(fields) || 24),
  K: numeric((fields) => hourOf(fields) % 12),
  h: numeric((fields) => hourOf(fields) % 12 || 12),
  m: numeric(({ msOfDay }) => Math.floor(msOfDay / 60_000) % 60),
  s: numeric(({ msOfDay }) => Math.floor(msOfDay / 1_000) % 60),
  S: ({ msOfDay }, count) =>
    padded(msOfDay % 1_000, 3)
      .padEnd(count, '0')
      .slice(0, count),
  A: numeric(({ msOfDay }) => msOfDay),
  x: ({ offsetMs }, count) => offsetText(offsetMs, count, ''),
  X: ({ offsetMs }, count) => offsetText(offsetMs, count, 'Z'),
  Z: ({ offsetMs }, count) => offsetText(offsetMs, count === 5 ? 3 : 2, count === 5 ? 'Z' : ''),
  V: ({ moment }) => moment.zone,
};

/** The week of a day where week 1 has at least four days of the year; weeks begin on `firstWeekday` (0 Monday). */
export function weekOf(day: number, firstWeekday = 0): { year: number; week: number } {
  const fourth = day - ((weekdayOf(day) - firstWeekday + 7) % 7) + 3;
  const { year: weekYear } = dateOfDay(fourth);
  return { year: weekYear, week: Math.floor((fourth - dayNumberOf({ year: weekYear, month: 1, day: 1 })) / 7) + 1 };
}

/** The fault names the first letter that has no meaning. */
export function writeTime(pattern: string, moment: ZonedMoment): PatternResult {
  const fields = fieldsOf(moment);
  let text = '';
  let end = 0;
  for (const [match, quoted, quote, run = '', letter, plain] of pattern.matchAll(part)) {
    end += match.length;
    if (quoted !== undefined) text += quoted.replaceAll("''", "'");
    else if (quote !== undefined) text += "'";
    else if (letter === undefined) text += plain;
    else {
      const write = Object.hasOwn(writers, letter) ? writers[letter] : undefined;
      if (write === undefined || run.length > 9)
        return { ok: false, message: `"${run}" has no meaning in a date pattern` };
      text += write(fields, run.length);
    }
  }
  if (end < pattern.length) return { ok: false, message: 'a quote in the date pattern is not closed' };
  return { ok: true, text };
}

function fieldsOf(moment: ZonedMoment): Fields {
  const localMs = localMsOf(moment.at, moment.zone);
  const day1970 = Math.floor(localMs / dayMs);
  return { ...dateOfDay(day1970), day1970, msOfDay: localMs - day1970 * dayMs, offsetMs: localMs - moment.at, moment };
}

function yearText(value: number, count: number): string {
  return count === 2 ? padded(value % 100, 2) : padded(value, count);
}

/** Up to three letters: short. Five: the first letter. */
function named(name = '', count: number): string {
  if (count === 4) return name;
  return name.slice(0, count === 5 ? 1 : 3);
}

/** One letter: hours, with minutes if there are any. Two: both. Three: with a colon. */
function offsetText(offsetMs: number, count: number, zero: string): string {
  if (offsetMs === 0 && zero !== '') return zero;
  const minutes = Math.trunc(Math.abs(offsetMs) / 60_000);
  const rest = padded(minutes % 60, 2);
  const hours = `${offsetMs < 0 ? '-' : '+'}${padded(Math.trunc(minutes / 60), 2)}`;
  if (count === 1) return rest === '00' ? hours : hours + rest;
  return count === 2 || count === 4 ? hours + rest : `${hours}:${rest}`;
}
