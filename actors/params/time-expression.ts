/**
 * Time expressions, as in DolphinScheduler: what stands between `$[` and `]`. A date pattern, perhaps moved (`yyyyMMdd-1`,
 * `HHmmss+1/24`), or a function of one (`month_begin(yyyyMMdd, 0)`). All are relative to the logical time of a run, in the zone
 * of its workflow.
 *
 * Days, weeks and months are moved on the calendar and keep the time of day; where the clocks skip that time, the first moment
 * after the gap is taken. Hours and minutes are elapsed time, also over a change of the clocks.
 */
import { dateOfDay, dayMs, dayNumberOf, dayOf, firstMomentAt, localMsOf, weekdayOf } from '../kit/zoned-time.ts';
import { type PatternResult, weekOf, writeTime, type ZonedMoment } from './date-pattern.ts';

export type TimeResult = PatternResult;

const lengthMax = 256;
const offsetMax = 10_000_000;
/** Years 1 to 9999. */
const earliestAt = -62_135_596_800_000;
const latestAt = 253_402_300_799_999;

/** `+7*2`, `-1/24/60`: a number of days, or a fraction of them. */
const term = /([+-])(\d+(?:\*\d+)*)((?:\/\d+)*)/g;
const movedPattern = /^(.+?)((?:[+-]\d+(?:\*\d+)*(?:\/\d+)*)*)$/s;
const call = /^([a-z_]+)\((.*)\)$/s;
/** The pattern, and the number after the last comma. */
const callArguments = /^(.*?)(?:,\s*([+-]?\d+(?:\*\d+)*)\s*)?$/s;

/** Moves a moment by so many units. */
type Move = (moment: ZonedMoment, count: number) => ZonedMoment;

type TimeFunction = { readonly needsNumber?: boolean; readonly move: Move };

const functions: Record<string, TimeFunction> = {
  add_months: { needsNumber: true, move: addMonths },
  this_day: { move: addDays },
  last_day: { move: (moment, count) => addDays(moment, count - 1) },
  month_first_day: { move: (moment, count) => onDay(moment, (day) => monthStart(day, count)) },
  month_last_day: { move: (moment, count) => onDay(moment, (day) => monthStart(day, count + 1) - 1) },
  week_first_day: { move: (moment, count) => onDay(moment, (day) => monday(day) + 7 * count) },
  week_last_day: { move: (moment, count) => onDay(moment, (day) => monday(day) + 6 + 7 * count) },
  month_begin: { needsNumber: true, move: (moment, count) => onDay(moment, (day) => monthStart(day, 0) + count) },
  month_end: { needsNumber: true, move: (moment, count) => onDay(moment, (day) => monthStart(day, 1) - 1 + count) },
  week_begin: { needsNumber: true, move: (moment, count) => onDay(moment, (day) => monday(day) + count) },
  week_end: { needsNumber: true, move: (moment, count) => onDay(moment, (day) => monday(day) + 6 + count) },
};

/** @param expression what stands in the brackets */
export function evaluateTime(expression: string, base: ZonedMoment): TimeResult {
  const text = expression.trim();
  if (text === '') return fault('a time expression is empty');
  if (text.length > lengthMax) return fault(`a time expression has at most ${lengthMax} characters`);
  const [, name, inner] = call.exec(text) ?? [];
  if (name === 'timestamp' && inner !== undefined) return timestamp(inner, base);
  if (name === 'year_week' && inner !== undefined) return yearWeek(inner, base);
  if (name === undefined || inner === undefined) return movedTime(text, base);
  if (!Object.hasOwn(functions, name)) {
    return fault(
      `there is no time function "${name}"; known: ${[...Object.keys(functions), 'timestamp', 'year_week'].join(', ')}`,
    );
  }
  return called(name, inner, base);
}

/** True when the text is a time expression, whatever its base. */
export function isTimeExpression(expression: string): boolean {
  return evaluateTime(expression, { at: 0, zone: 'UTC' }).ok;
}

function called(name: string, inner: string, base: ZonedMoment): TimeResult {
  const { needsNumber = false, move } = functions[name] as TimeFunction; // The caller has looked.
  const { pattern, count } = argumentsIn(inner);
  if (pattern === '') return fault(`${name} needs a date pattern: ${name}(yyyyMMdd${needsNumber ? ', 1' : ''})`);
  if (needsNumber && count === undefined)
    return fault(`${name} needs a number after the pattern: ${name}(yyyyMMdd, 1)`);
  if (count !== undefined && Math.abs(count) > offsetMax) return tooFar();
  return written(pattern, move(base, count ?? 0));
}

function argumentsIn(inner: string): { pattern: string; count: number | undefined } {
  const [, pattern = '', count] = callArguments.exec(inner) ?? [];
  return { pattern: pattern.trim(), count: count === undefined ? undefined : productOf(count) };
}

function movedTime(text: string, base: ZonedMoment): TimeResult {
  const [, pattern = '', terms = ''] = movedPattern.exec(text) ?? [];
  let moment = base;
  for (const [, sign, days = '', divisors = ''] of terms.matchAll(term)) {
    const count = productOf(days) * (sign === '-' ? -1 : 1);
    if (Math.abs(count) > offsetMax) return tooFar();
    const minutes = minutesOf(count, divisors);
    if (minutes === undefined) return fault('a part of a day is divided by zero');
    moment = divisors === '' ? addDays(moment, count) : { ...moment, at: moment.at + minutes * 60_000 };
  }
  return written(pattern, moment);
}

/** Whole minutes, as DolphinScheduler counts them. */
function minutesOf(days: number, divisors: string): number | undefined {
  let minutes = days * 1_440;
  for (const divisor of divisors.split('/').slice(1)) minutes = Math.trunc(minutes / Number(divisor));
  return Number.isFinite(minutes) ? minutes : undefined;
}

/** Seconds since 1970 of a time that is written as `yyyyMMddHHmmss`; the pattern may fix parts of it (`yyyyMMdd000000`). */
function timestamp(inner: string, base: ZonedMoment): TimeResult {
  const result = evaluateTime(inner, base);
  if (!result.ok) return result;
  const [, year, month, day, hours, minutes, seconds] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(result.text) ?? [];
  if (seconds === undefined) return fault(`timestamp needs a time like yyyyMMddHHmmss, not "${result.text}"`);
  const number = dayNumberOf({ year: Number(year), month: Number(month), day: Number(day) });
  const localMs = number * dayMs + ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
  return { ok: true, text: String(Math.floor(firstMomentAt(localMs, base.zone) / 1_000)) };
}

/** The year of the week and its number; the second argument is the weekday on which weeks begin, 1 (Monday) to 7. */
function yearWeek(inner: string, base: ZonedMoment): TimeResult {
  const { pattern, count = 1 } = argumentsIn(inner);
  if (pattern === '') return fault('year_week needs a date pattern: year_week(yyyy-MM-dd)');
  if (count < 1 || count > 7) return fault('weeks begin on a weekday from 1 (Monday) to 7 (Sunday)');
  const { year, week } = weekOf(dayOf(base.at, base.zone), count - 1);
  return { ok: true, text: `${year}${pattern.includes('-') ? '-' : ''}${String(week).padStart(2, '0')}` };
}

function written(pattern: string, moment: ZonedMoment): TimeResult {
  if (!(moment.at >= earliestAt && moment.at <= latestAt)) return tooFar();
  return writeTime(pattern, moment);
}

function addDays(moment: ZonedMoment, count: number): ZonedMoment {
  return onDay(moment, (day) => day + count);
}

/** The same day of another month, or that month's last one. */
function addMonths(moment: ZonedMoment, count: number): ZonedMoment {
  return onDay(moment, (day) =>
    Math.min(monthStart(day, count) + dateOfDay(day).day - 1, monthStart(day, count + 1) - 1),
  );
}

/** Another day at the same time of day. */
function onDay(moment: ZonedMoment, dayFor: (day: number) => number): ZonedMoment {
  const { at, zone } = moment;
  const localMs = localMsOf(at, zone);
  const day = Math.floor(localMs / dayMs);
  const target = dayFor(day);
  if (target === day || Math.abs(target) > offsetMax * 4) return target === day ? moment : { at: Number.NaN, zone };
  return { at: firstMomentAt(target * dayMs + (localMs - day * dayMs), zone), zone };
}

function monthStart(day: number, count: number): number {
  const { year, month } = dateOfDay(day);
  return dayNumberOf({ year, month: month + count, day: 1 });
}

function monday(day: number): number {
  return day - weekdayOf(day);
}

function productOf(text: string): number {
  return text.split('*').reduce((product, factor) => product * Number(factor), 1);
}

const fault = (message: string): TimeResult => ({ ok: false, message });
const tooFar = (): TimeResult => fault('the time is not in the years 1 to 9999');
