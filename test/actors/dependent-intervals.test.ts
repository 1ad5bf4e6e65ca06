/** The ranges of dependents: by hand where clocks change, and by rules that hold in every zone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Interval, intervalsOf } from '../../actors/dependent/intervals.ts';
import { hourAround } from '../../actors/kit/zoned-time.ts';
import { type DependentRange, dependentRangeNames } from '../../schemas/definition/run-settings.ts';

const text = ({ fromAt, untilAt }: Interval) =>
  `${new Date(fromAt).toISOString().slice(0, 16)} ${new Date(untilAt).toISOString().slice(0, 16)}`;
const textsOf = (range: DependentRange, at: string, zone = 'UTC') => intervalsOf(range, Date.parse(at), zone).map(text);

describe('in UTC, seen from Wednesday, 2026-03-18 10:30', () => {
  const at = '2026-03-18T10:30:00Z';
  test.each<[DependentRange, string[]]>([
    ['currentHour', ['2026-03-18T10:00 2026-03-18T11:00']],
    ['last1Hour', ['2026-03-18T09:00 2026-03-18T10:00']],
    ['last2Hours', ['2026-03-18T08:00 2026-03-18T09:00', '2026-03-18T09:00 2026-03-18T10:00']],
    [
      'last3Hours',
      ['2026-03-18T07:00 2026-03-18T08:00', '2026-03-18T08:00 2026-03-18T09:00', '2026-03-18T09:00 2026-03-18T10:00'],
    ],
    ['last24Hours', ['2026-03-17T10:30 2026-03-18T10:30']],
    ['today', ['2026-03-18T00:00 2026-03-19T00:00']],
    ['last1Days', ['2026-03-17T00:00 2026-03-18T00:00']],
    ['last2Days', ['2026-03-16T00:00 2026-03-17T00:00', '2026-03-17T00:00 2026-03-18T00:00']],
    ['thisWeek', ['2026-03-16T00:00 2026-03-19T00:00']],
    ['lastWeek', ['2026-03-09T00:00 2026-03-16T00:00']],
    ['lastMonday', ['2026-03-09T00:00 2026-03-10T00:00']],
    ['lastTuesday', ['2026-03-10T00:00 2026-03-11T00:00']],
    ['lastWednesday', ['2026-03-11T00:00 2026-03-12T00:00']],
    ['lastThursday', ['2026-03-12T00:00 2026-03-13T00:00']],
    ['lastFriday', ['2026-03-13T00:00 2026-03-14T00:00']],
    ['lastSaturday', ['2026-03-14T00:00 2026-03-15T00:00']],
    ['lastSunday', ['2026-03-15T00:00 2026-03-16T00:00']],
    ['thisMonth', ['2026-03-01T00:00 2026-03-19T00:00']],
    ['thisMonthBegin', ['2026-03-01T00:00 2026-03-02T00:00']],
    ['thisMonthEnd', ['2026-03-31T00:00 2026-04-01T00:00']],
    ['lastMonth', ['2026-02-01T00:00 2026-03-01T00:00']],
    ['lastMonthBegin', ['2026-02-01T00:00 2026-02-02T00:00']],
    ['lastMonthEnd', ['2026-02-28T00:00 2026-03-01T00:00']],
  ])('%s', (range, expected) => {
    expect(textsOf(range, at)).toEqual(expected);
  });
  test('the logical time itself lies within the last 24 hours', () => {
    expect(intervalsOf('last24Hours', Date.parse(at), 'UTC')[0]?.untilAt).toBe(Date.parse(at) + 1);
  });
});

describe('where clocks change', () => {
  const berlin = 'Europe/Berlin';
  test('a day of spring has 23 hours, one of autumn 25', () => {
    expect(textsOf('today', '2026-03-29T10:00:00Z', berlin)).toEqual(['2026-03-28T23:00 2026-03-29T22:00']);
    expect(textsOf('last1Days', '2026-10-26T10:00:00Z', berlin)).toEqual(['2026-10-24T22:00 2026-10-25T23:00']);
  });
  test('the hour that comes twice is two hours', () => {
    expect(textsOf('last2Hours', '2026-10-25T02:10:00Z', berlin)).toEqual([
      '2026-10-25T00:00 2026-10-25T01:00',
      '2026-10-25T01:00 2026-10-25T02:00',
    ]);
  });
  test('the hour before the one that never came is the one before the change', () => {
    expect(textsOf('last1Hour', '2026-03-29T01:10:00Z', berlin)).toEqual(['2026-03-29T00:00 2026-03-29T01:00']);
  });
  test('a day that has no midnight begins after the gap', () => {
    expect(textsOf('today', '2018-11-04T12:00:00Z', 'America/Sao_Paulo')).toEqual([
      '2018-11-04T03:00 2018-11-05T02:00',
    ]);
  });
  test('a day that never was is an empty interval', () => {
    expect(textsOf('last1Days', '2011-12-31T00:00:00Z', 'Pacific/Apia')).toEqual(['2011-12-30T10:00 2011-12-30T10:00']);
  });
  test('a change by half an hour ends an hour early', () => {
    const hour = hourAround(Date.parse('2026-04-04T15:15:00Z'), 'Australia/Lord_Howe');
    expect(text(hour)).toBe('2026-04-04T15:00 2026-04-04T15:30');
  });
});

describe('in every zone, at every time', () => {
  const zones = [
    ...['UTC', 'Europe/Berlin', 'America/New_York', 'America/Sao_Paulo', 'Asia/Kolkata', 'Australia/Lord_Howe'],
    ...['Pacific/Apia', 'Africa/Cairo', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Chatham'],
  ];
  const moment = fc.integer({ min: Date.parse('1990-01-01T00:00:00Z'), max: Date.parse('2037-12-31T00:00:00Z') });
  const seen = fc.record({ at: moment, zone: fc.constantFrom(...zones) });

  test('intervals of a range follow one another without gap or overlap', () => {
    fc.assert(
      fc.property(seen, fc.constantFrom(...dependentRangeNames), ({ at, zone }, range) => {
        const intervals = intervalsOf(range, at, zone);
        for (const [index, { fromAt, untilAt }] of intervals.entries()) {
          expect(untilAt).toBeGreaterThanOrEqual(fromAt);
          if (index > 0) expect(fromAt).toBe(intervals[index - 1]?.untilAt);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('the present hour, day, week and month hold the moment, and the ranges before it end where they begin', () => {
    fc.assert(
      fc.property(seen, ({ at, zone }) => {
        const one = (range: DependentRange) => intervalsOf(range, at, zone).at(-1) as Interval;
        for (const range of ['currentHour', 'today', 'thisWeek', 'thisMonth', 'last24Hours'] as const) {
          expect(one(range).fromAt).toBeLessThanOrEqual(at);
          expect(one(range).untilAt).toBeGreaterThan(at);
        }
        expect(one('last1Hour').untilAt).toBe(one('currentHour').fromAt);
        expect(one('last7Days').untilAt).toBe(one('today').fromAt);
        expect(one('lastWeek').untilAt).toBe(one('thisWeek').fromAt);
        expect(one('lastSunday').untilAt).toBe(one('thisWeek').fromAt);
        expect(one('lastMonth').untilAt).toBe(one('thisMonth').fromAt);
        expect(one('lastMonthEnd').untilAt).toBe(one('thisMonth').fromAt);
        expect(one('thisMonthBegin').fromAt).toBe(one('thisMonth').fromAt);
      }),
      { numRuns: 2_000 },
    );
  });

  test('every moment of a day sees the same day', () => {
    fc.assert(
      fc.property(seen, fc.double({ min: 0, max: 0.999_999, noNaN: true }), ({ at, zone }, share) => {
        const [day] = intervalsOf('today', at, zone) as [Interval];
        const other = Math.floor(day.fromAt + share * (day.untilAt - day.fromAt));
        expect(intervalsOf('today', other, zone)).toEqual([day]);
      }),
      { numRuns: 1_000 },
    );
  });
});
