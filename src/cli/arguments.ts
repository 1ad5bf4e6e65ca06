/** Arguments and options as text, parsed at the border; a fault becomes commander's sentence for wrong usage. */
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { parseDurationMs } from '../../schemas/duration.ts';
import {
  attemptIdSchema,
  runTaskNameSchema,
  submissionKeySchema,
  type TaskName,
  taskGroupNameSchema,
  workerGroupSchema,
  workflowNameSchema,
} from '../../schemas/ids.ts';

export const workflowName = fitting(workflowNameSchema, 'expected a workflow name');
export const taskName = fitting(runTaskNameSchema, 'expected a task name');
export const taskGroupName = fitting(taskGroupNameSchema, 'expected the name of a task group');
export const workerGroupName = fitting(workerGroupSchema, 'expected the name of a worker group');
export const commandKey = fitting(z.string().min(1).max(512), 'expected 1 to 512 characters');
export const attemptId = fitting(attemptIdSchema, 'expected the id of an attempt, as "millrace events" shows it');
export const submissionKey = fitting(submissionKeySchema, 'expected 1 to 512 characters');

export function wholeNumber(range: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= range.min && number <= range.max) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${range.min} to ${range.max}.`);
  };
}

/** The value of an option whose name, by custom, has no unit: `--timeout 30s`. */
export type DurationMs = number;

export function durationMs(text: string): DurationMs {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('Expected a duration, such as 30s, 5m or 1h30m.');
  return ms;
}

/** Milliseconds since 1970. */
export function timeAt(text: string): number {
  const hasZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const at = hasZone ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('Expected a time with its zone: 2030-01-31T08:00:00+01:00.');
  return at;
}

/** For options that may be given several times. */
export function collected(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

export function severalTasks(text: string, before: readonly TaskName[] | undefined): TaskName[] {
  return [...(before ?? []), taskName(text) as TaskName];
}

function fitting<T>(schema: z.ZodType<T>, expected: string): (text: string) => T {
  return (text) => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const rule = issue?.code === 'invalid_format' && issue.format === 'regex' ? `: ${issue.message}` : '';
    throw new InvalidArgumentError(`${upperFirst(expected)}${rule}.`);
  };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
