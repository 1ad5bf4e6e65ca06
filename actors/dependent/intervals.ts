/**
 * The ranges of dependents as intervals of time. A range of several hours or days is one interval for each of them, the
 * oldest first: each needs its own run. A range of a week or a month is one interval, in which one run is enough.
 */
import type { DependentRange } from '../../schemas/definition/run-settings.ts';
import { type DayNumber, dateOfDay, dayNumberOf, dayOf, hourAround, startOfDay, weekdayOf } from '../kit/zoned-time.ts';

/** Milliseconds since 1970; `untilAt` is the first moment after the interval. */
export type Interval = { fromAt: number; untilAt: number };

const last24HoursMs = 86_400_000;

/**
 * @param atMs logical time from which the range is seen
 * @param zone IANA name of the time zone that has the days, weeks and months
 */
export function intervalsOf(range: DependentRange, atMs: number, zone: string): Interval[] {
  const today = dayOf(atMs, zone);
  const days = (first: DayNumber, count: number) => intervalOfDays(first, count, zone);
  const lastWeekday = (weekday: number) => [days(mondayOf(today) - 7 + weekday, 1)];
  switch (range) {
    case 'currentHour':
      return [hourAround(atMs, zone)];
    case 'last1Hour':
      return lastHours(atMs, 1, zone);
    case 'last2Hours':
      return lastHours(atMs, 2, zone);
    case 'last3Hours':
      return lastHours(atMs, 3, zone);
    case 'last24Hours':
      return [{ fromAt: atMs - last24HoursMs, untilAt: atMs + 1 }];
    case 'today':
      return [days(today, 1)];
    case 'last1Days':
      return lastDays(today, 1, zone);
    case 'last2Days':
      return lastDays(today, 2, zone);
    case 'last3Days':
      return lastDays(today, 3, zone);
    case 'last7Days':
      return lastDays(today, 7, zone);
    case 'thisWeek':
      return [days(mondayOf(today), weekdayOf(today) + 1)];
    case 'lastWeek':
      return [days(mondayOf(today) - 7, 7)];
    case 'lastMonday':
      return lastWeekday(0);
    case 'lastTuesday':
      return lastWeekday(1);
    case 'lastWednesday':
      return lastWeekday(2);
    case 'lastThursday':
      return lastWeekday(3);
    case 'lastFriday':
      return lastWeekday(4);
    case 'lastSaturday':
      return lastWeekday(5);
    case 'lastSunday':
      return lastWeekday(6);
    case 'thisMonth':
      return [days(monthBegin(today, 0), today - monthBegin(today, 0) + 1)];
    case 'thisMonthBegin':
      return [days(monthBegin(today, 0), 1)];
    case 'thisMonthEnd':
      return [days(monthBegin(today, 1) - 1, 1)];
    case 'lastMonth':
      return [days(monthBegin(today, -1), monthBegin(today, 0) - monthBegin(today, -1))];
    case 'lastMonthBegin':
      return [days(monthBegin(today, -1), 1)];
    case 'lastMonthEnd':
      return [days(monthBegin(today, 0) - 1, 1)];
  }
}

function intervalOfDays(first: DayNumber, count: number, zone: string): Interval {
  return { fromAt: startOfDay(first, zone), untilAt: startOfDay(first + count, zone) };
}

function lastDays(today: DayNumber, count: number, zone: string): Interval[] {
  return Array.from({ length: count }, (_, index) => intervalOfDays(today - count + index, 1, zone));
}

/** The whole hours of the wall clock before the one in which the moment lies. */
function lastHours(atMs: number, count: number, zone: string): Interval[] {
  const intervals: Interval[] = [];
  let hour = hourAround(atMs, zone);
  for (let index = 0; index < count; index += 1) {
    hour = hourAround(hour.fromAt - 1, zone);
    intervals.unshift(hour);
  }
  return intervals;
}

function mondayOf(day: DayNumber): DayNumber {
  return day - weekdayOf(day);
}

/** First day of the month in which the day lies, or of one that is so many months later. */
function monthBegin(day: DayNumber, months: number): DayNumber {
  const { year, month } = dateOfDay(day);
  return dayNumberOf({ year, month: month + months, day: 1 });
}
