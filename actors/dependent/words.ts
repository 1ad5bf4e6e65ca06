/** Sentences on dependents: what is still missing, and which runs decided. */
import type { DependentItem } from '../../schemas/definition/run-settings.ts';
import { dateOfDay, dayMs, localMsOf } from '../kit/zoned-time.ts';
import type { Evidence } from './evaluate.ts';
import type { Interval } from './intervals.ts';

const namedMax = 5;

/** One sentence on each of the first runs that are waited for. */
export function missingWords(missing: readonly Evidence[], zone: string): string {
  const told = missing.slice(0, namedMax).map(({ item, interval, finding }) => {
    const wanted = `${subjectOf(item)} (${intervalWords(interval, zone)})`;
    const isUnderWay = finding.kind === 'open' && finding.instance !== undefined;
    return isUnderWay ? `${wanted}: the run ${finding.instance} has not ended` : `${wanted}: no run yet`;
  });
  return `waits for ${listOf(told, missing.length)}`;
}

/** Which runs the result follows from. */
export function evidenceWords(evidence: readonly Evidence[], zone: string): string {
  const told = evidence.slice(0, namedMax).map(({ item, interval, finding }) => {
    const what = finding.kind === 'failed' ? finding.why : 'succeeded';
    const where = finding.instance === undefined ? '' : ` in the run ${finding.instance}`;
    return `${subjectOf(item)} (${intervalWords(interval, zone)}): ${what}${where}`;
  });
  return listOf(told, evidence.length);
}

function listOf(told: readonly string[], count: number): string {
  const rest = count - told.length;
  return rest > 0 ? `${told.join('; ')}; and ${rest} more` : told.join('; ');
}

function subjectOf({ workflow, task, range }: DependentItem): string {
  if (task === undefined) return `${workflow} ${range}`;
  return task === '*' ? `every task of ${workflow} ${range}` : `the task ${task} of ${workflow} ${range}`;
}

/** `2026-03-29 00:00 to 2026-03-30 00:00 Europe/Berlin`: the end is the first moment after it. */
function intervalWords({ fromAt, untilAt }: Interval, zone: string): string {
  return `${localWords(fromAt, zone)} to ${localWords(untilAt, zone)} ${zone}`;
}

function localWords(atMs: number, zone: string): string {
  const localMs = localMsOf(atMs, zone);
  const day = Math.floor(localMs / dayMs);
  const minutes = Math.floor((localMs - day * dayMs) / 60_000);
  const { year, month, day: dayOfMonth } = dateOfDay(day);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(dayOfMonth)} ${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
