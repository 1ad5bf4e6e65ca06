/** Durations as people write them (`250ms`, `30s`, `1h30m`) and as the system keeps them (whole milliseconds). */
import { z } from 'zod';

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const partPattern = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

/** Whole milliseconds of a written duration, or undefined when it is not one. */
export function parseDurationMs(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(partPattern)) totalMs += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return Math.round(totalMs);
}

export const durationTextSchema = z
  .string()
  .regex(durationPattern, 'a duration is a number with a unit: 250ms, 30s, 5m, 1h30m or 2d')
  .meta({ description: 'A duration with its unit: 250ms, 30s, 5m, 1h30m, 2d.', examples: ['30s', '5m', '1h30m'] });

export const durationMsSchema = z.int().nonnegative();
