/** Lines of the log of a pod, each with its time in front, as Kubernetes gives them with `timestamps=true`. */
import type { JobLog } from './job-runner.port.ts';

const timed = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2}) ?(.*)$/s;

/** What is later than `after`. A last line without an end may be cut, and counts only when no more comes. */
export function linesAfter(text: string, after: bigint | undefined, isWhole: boolean): JobLog {
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  if (isWhole && rest !== '') lines.push(rest);
  let said = '';
  let lastAt = after;
  for (const line of lines) {
    const [, seconds, fraction = '', zone, words = ''] = timed.exec(line) ?? [];
    if (seconds === undefined) continue;
    const at = BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
    if (after !== undefined && at <= after) continue;
    said += `${words}\n`;
    lastAt = at;
  }
  return { text: said, lastAt };
}

/** For `sinceTime`, which knows whole seconds: what is asked twice is told apart by the times of the lines. */
export function sinceTime(after: bigint): string {
  return new Date(Number(after / 1_000_000_000n) * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
}
