/** A table of all time expressions; the values are worked out by hand with a calendar, or by the reference in this file. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateTime, isTimeExpression } from '../../../actors/params/time-expression.ts';

const at = (iso: string, zone = 'UTC') => ({ at: Date.parse(iso), zone });
const timeOf = (expression: string, base: { at: number; zone: string }) => {
  const result = evaluateTime(expression, base);
  return result.ok ? result.text : result.message;
};

describe('on Friday, 26 August 2022, 13:05:09 in Shanghai', () => {
  const base = at('2022-08-26T13:05:09.042+08:00', 'Asia/Shanghai');
  it.each([
    ['yyyyMMdd', '20220826'],
    ['HHmmss', '130509'],
    ['yyyy-MM-dd HH:mm:ss', '2022-08-26 13:05:09'],
    ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", '2022-08-26T13:05:09.042+08:00'],
    ['yyyyMMdd000000', '20220826000000'],
    ['yy M d H', '22 8 26 13'],
    ['MMM MMMM EEE EEEE EEEEE', 'Aug August Fri Friday F'],
    ['hh:mm a K k', '01:05 PM 1 13'],
    ['D w Y Q e', '238 34 2022 3 5'],
    ['S SS SSS SSSSSS', '0 04 042 042000'],
    ['x xx xxx X Z VV', '+08 +0800 +08:00 +08 +0800 Asia/Shanghai'],
    ["''yyyy'' 'o''clock'", "'2022' o'clock"],
    ['yyyyMMdd+1', '20220827'],
    ['yyyyMMdd-1', '20220825'],
    ['yyyy-MM-dd-1', '2022-08-25'],
    ['yyyy-MM-dd HH:mm:ss-30', '2022-07-27 13:05:09'],
    ['yyyyMMdd+7*2', '20220909'],
    ['yyyyMMdd-7*1', '20220819'],
    ['HHmmss+1/24', '140509'],
    ['HHmmss-1/24', '120509'],
    ['yyyyMMddHH+12/24', '2022082701'],
    ['HHmmss+15/24/60', '132009'],
    ['HHmmss-15/24/60', '125009'],
    ['yyyyMMddHHmm-1-1/24', '202208251205'],
    ['add_months(yyyyMMdd,1)', '20220926'],
    ['add_months(yyyyMMdd,-6)', '20220226'],
    ['add_months(yyyyMMdd,12*1)', '20230826'],
    ['add_months(yyyyMMdd,-12*2)', '20200826'],
    ['this_day(yyyy-MM-dd)', '2022-08-26'],
    ['last_day(yyyy-MM-dd)', '2022-08-25'],
    ['year_week(yyyy-MM-dd)', '2022-34'],
    ['year_week(yyyyMMdd)', '202234'],
    ['year_week(yyyy-MM-dd,5)', '2022-35'],
    ['month_first_day(yyyy-MM-dd)', '2022-08-01'],
    ['month_first_day(yyyy-MM-dd,-1)', '2022-07-01'],
    ['month_last_day(yyyy-MM-dd)', '2022-08-31'],
    ['month_last_day(yyyy-MM-dd,-1)', '2022-07-31'],
    ['month_last_day(yyyy-MM-dd,6)', '2023-02-28'],
    ['week_first_day(yyyy-MM-dd)', '2022-08-22'],
    ['week_first_day(yyyy-MM-dd,-1)', '2022-08-15'],
    ['week_last_day(yyyy-MM-dd)', '2022-08-28'],
    ['week_last_day(yyyy-MM-dd,-1)', '2022-08-21'],
    ['month_begin(yyyyMMdd, 0)', '20220801'],
    ['month_begin(yyyyMMdd,-1)', '20220731'],
    ['month_end(yyyyMMdd,1)', '20220901'],
    ['month_end(yyyyMMdd,-1)', '20220830'],
    ['week_begin(yyyyMMdd,1)', '20220823'],
    ['week_end(yyyyMMdd,-1)', '20220827'],
    ['timestamp(yyyyMMddHHmmss)', '1661490309'],
    ['timestamp(yyyyMMdd000000)', '1661443200'],
    ['timestamp(yyyyMMdd000000-1)', '1661356800'],
    ['timestamp(month_begin(yyyyMMddHHmmss,0))', '1659330309'],
    [' yyyyMMdd ', '20220826'],
  ])('$[%s] is %s', (expression, value) => {
    expect(timeOf(expression, base)).toBe(value);
  });
});

describe('at the ends of months and years', () => {
  it.each([
    ['2024-02-29T12:00:00Z', 'add_months(yyyyMMdd,12)', '20250228'],
    ['2024-01-31T12:00:00Z', 'add_months(yyyyMMdd,1)', '20240229'],
    ['2023-01-31T12:00:00Z', 'add_months(yyyyMMdd,1)', '20230228'],
    ['2024-01-31T12:00:00Z', 'add_months(yyyyMMdd,-2)', '20231130'],
    ['2023-12-31T23:59:59Z', 'yyyyMMdd+1', '20240101'],
    ['2024-01-01T00:00:00Z', 'yyyyMMdd-1', '20231231'],
    ['2024-12-31T12:00:00Z', 'month_first_day(yyyyMMdd,1)', '20250101'],
    ['2024-01-15T12:00:00Z', 'month_last_day(yyyyMMdd,-1)', '20231231'],
    ['2024-03-31T12:00:00Z', 'month_last_day(yyyyMMdd,-1)', '20240229'],
    // ISO weeks: 1 January 2022 is a Saturday of the last week of 2021, 30 December 2024 a Monday of week 1 of 2025.
    ['2022-01-01T12:00:00Z', 'year_week(yyyy-MM-dd)', '2021-52'],
    ['2021-01-01T12:00:00Z', 'year_week(yyyy-MM-dd)', '2020-53'],
    ['2024-12-30T12:00:00Z', 'year_week(yyyy-MM-dd)', '2025-01'],
    ['2024-12-30T12:00:00Z', "YYYY-'W'ww-e", '2025-W01-1'],
    ['2023-01-01T12:00:00Z', 'week_first_day(yyyyMMdd)', '20221226'],
    ['2000-02-29T12:00:00Z', 'D', '60'],
  ])('%s: $[%s] is %s', (iso, expression, value) => {
    expect(timeOf(expression, at(iso))).toBe(value);
  });
});

describe('where clocks are changed', () => {
  // Berlin: 31 March 2024, 02:00 becomes 03:00; 27 October 2024, 03:00 becomes 02:00.
  it.each([
    ['2024-03-31T12:00:00+02:00', 'yyyyMMddHH-1', '2024033012'],
    ['2024-03-30T12:00:00+01:00', 'yyyyMMddHH+1', '2024033112'],
    ['2024-03-31T00:30:00+01:00', 'yyyyMMddHHmm+1', '202404010030'],
    ['2024-04-01T00:30:00+02:00', 'yyyyMMddHHmm-1', '202403310030'],
    ['2024-03-30T02:30:00+01:00', 'yyyyMMddHHmm+1', '202403310300'],
    ['2024-03-31T01:30:00+01:00', 'HHmm+1/24', '0330'],
    ['2024-10-27T02:30:00+02:00', 'HHmmx+1/24', '0230+01'],
    ['2024-10-27T02:30:00+01:00', 'HHmmx-1/24', '0230+02'],
    ['2024-10-26T12:00:00+02:00', 'yyyyMMddHH+1', '2024102712'],
    ['2024-10-27T23:30:00+01:00', 'yyyyMMddHHmm-1', '202410262330'],
    ['2024-03-31T12:00:00+02:00', 'timestamp(yyyyMMdd000000)', String(Date.parse('2024-03-31T00:00:00+01:00') / 1_000)],
    ['2024-03-31T12:00:00+02:00', 'timestamp(yyyyMMdd023000)', String(Date.parse('2024-03-31T03:00:00+02:00') / 1_000)],
  ])('%s in Berlin: $[%s] is %s', (iso, expression, value) => {
    expect(timeOf(expression, at(iso, 'Europe/Berlin'))).toBe(value);
  });

  it('counts the day of the zone, not of UTC', () => {
    expect(timeOf('yyyyMMdd', at('2024-01-01T03:00:00Z', 'America/New_York'))).toBe('20231231');
    expect(timeOf('yyyyMMdd', at('2024-01-01T11:00:00Z', 'Pacific/Kiritimati'))).toBe('20240102');
  });
});

it.each([
  ['', 'is empty'],
  ['foo(yyyyMMdd)', 'there is no time function "foo"'],
  ['month_begin(yyyyMMdd)', 'needs a number'],
  ['add_months(yyyyMMdd)', 'needs a number'],
  ['month_first_day()', 'needs a date pattern'],
  ['year_week(yyyy,8)', 'from 1 (Monday) to 7'],
  ['timestamp(HHmm)', 'timestamp needs a time'],
  ['bbb', '"bbb" has no meaning'],
  ["yyyy 'open", 'not closed'],
  ['yyyyMMdd+99999999', 'years 1 to 9999'],
  ['yyyyMMdd+9999999', 'years 1 to 9999'],
  ['add_months(yyyyMMdd,999999)', 'years 1 to 9999'],
  ['HHmm+1/0', 'divided by zero'],
  ['y'.repeat(300), 'at most 256'],
])('$[%s] is a fault', (expression, message) => {
  expect(timeOf(expression, at('2024-02-29T12:00:00Z'))).toContain(message);
  expect(isTimeExpression(expression)).toBe(false);
});

describe('against the calendar of the runtime', () => {
  const moment = fc.integer({ min: Date.UTC(1971, 0, 1), max: Date.UTC(2199, 11, 31) });
  const count = fc.integer({ min: -4_000, max: 4_000 });
  const dayText = (ms: number) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '');
  const signed = (number: number) => (number < 0 ? `${number}` : `+${number}`);

  it('moves days, months and weeks as it does', () => {
    fc.assert(
      fc.property(moment, count, (ms, n) => {
        const base = { at: ms, zone: 'UTC' };
        const date = new Date(ms);
        const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
        expect(timeOf(`yyyyMMdd${signed(n)}`, base)).toBe(dayText(ms + n * 86_400_000));
        expect(timeOf(`month_first_day(yyyyMMdd,${n % 200})`, base)).toBe(
          dayText(Date.UTC(year, month + (n % 200), 1)),
        );
        expect(timeOf(`month_last_day(yyyyMMdd,${n % 200})`, base)).toBe(
          dayText(Date.UTC(year, month + (n % 200) + 1, 0)),
        );
        const toMonday = ((date.getUTCDay() + 6) % 7) * 86_400_000;
        expect(timeOf(`week_begin(yyyyMMdd,${n})`, base)).toBe(dayText(ms - toMonday + n * 86_400_000));
      }),
    );
  });

  it('writes local times as it does, in any zone', () => {
    const zone = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kolkata',
      'Australia/Lord_Howe',
      'Asia/Shanghai',
    );
    fc.assert(
      fc.property(moment, zone, (ms, timeZone) => {
        const text = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(ms);
        expect(timeOf('yyyy-MM-dd HH:mm:ss', { at: ms, zone: timeZone })).toBe(text);
      }),
    );
  });

  it('answers any text without throwing', () => {
    const token = fc.constantFrom(
      'yyyy',
      'MM',
      '(',
      ')',
      ',',
      '+',
      '-',
      '1',
      '/24',
      "'",
      'add_months',
      'timestamp',
      'e',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(token).map((parts) => parts.join('')),
        ),
        (text) => {
          expect(typeof evaluateTime(text, at('2024-02-29T12:00:00Z', 'Europe/Berlin')).ok).toBe('boolean');
        },
      ),
    );
  });
});
