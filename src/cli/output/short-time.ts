/** Times as people read them: short and relative. */

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `450ms`, `1.2s`, `3m04s`, `2h05m`, `4d03h`. */
export function shortDuration(durationMs: number): string {
  const ms = Math.max(0, Math.round(durationMs));
  if (ms < secondMs) return `${ms}ms`;
  if (ms < minuteMs) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (ms < hourMs) return inTwoUnits(ms, [minuteMs, 'm'], [secondMs, 's']);
  if (ms < dayMs) return inTwoUnits(ms, [hourMs, 'h'], [minuteMs, 'm']);
  return inTwoUnits(ms, [dayMs, 'd'], [hourMs, 'h']);
}

/** `just now`, `12s ago`, `3m ago`, `2h ago`, `4d ago`. A time ahead of this clock is `just now` too. */
export function shortAge(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs;
  if (ms < secondMs) return 'just now';
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)}s ago`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)}m ago`;
  if (ms < dayMs) return `${Math.floor(ms / hourMs)}h ago`;
  return `${Math.floor(ms / dayMs)}d ago`;
}

type Unit = readonly [sizeMs: number, letter: string];

function inTwoUnits(ms: number, [largeMs, large]: Unit, [smallMs, small]: Unit): string {
  const rest = Math.floor((ms % largeMs) / smallMs);
  return `${Math.floor(ms / largeMs)}${large}${String(rest).padStart(2, '0')}${small}`;
}
