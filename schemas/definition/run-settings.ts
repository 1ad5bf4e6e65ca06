/**
 * Settings of the tasks that wait for other runs, in the form that is stored: `workflow` starts a child run, `dependent` waits
 * for runs that others start. No worker is needed. `run-source.ts` holds the form that users write.
 */
import { z } from 'zod';
import { durationMsSchema } from '../duration.ts';
import { paramNameSchema, taskNameSchema, workflowNameSchema } from '../ids.ts';
import { jsonValueSchema } from '../json.ts';

/** Runs another workflow; its outputs become those of the task. */
export const workflowSettingsSchema = z.strictObject({
  type: z.literal('workflow'),
  name: workflowNameSchema,
  /** Absent: the newest version at the moment when the task begins. */
  version: z.int().min(1).optional(),
  /** Parameters of the child; texts may hold expressions. */
  params: z.record(paramNameSchema, jsonValueSchema),
});

/** Spans of time seen from the logical time of the dependent run, in the time zone of its workflow, by the cycle that they fit. */
export const dependentRanges = {
  hour: ['currentHour', 'last1Hour', 'last2Hours', 'last3Hours', 'last24Hours'],
  day: ['today', 'last1Days', 'last2Days', 'last3Days', 'last7Days'],
  week: [
    'thisWeek',
    'lastWeek',
    'lastMonday',
    'lastTuesday',
    'lastWednesday',
    'lastThursday',
    'lastFriday',
    'lastSaturday',
    'lastSunday',
  ],
  month: ['thisMonth', 'thisMonthBegin', 'thisMonthEnd', 'lastMonth', 'lastMonthBegin', 'lastMonthEnd'],
} as const;

export const dependentCycles = ['hour', 'day', 'week', 'month'] as const;
export type DependentCycle = (typeof dependentCycles)[number];
export type DependentRange = (typeof dependentRanges)[DependentCycle][number];

export const dependentRangeNames: readonly DependentRange[] = dependentCycles.flatMap(
  (cycle) => dependentRanges[cycle],
);
export const dependentRangeSchema = z.enum(dependentRangeNames);

export function cycleOfRange(range: DependentRange): DependentCycle {
  const cycle = dependentCycles.find((one) => (dependentRanges[one] as readonly DependentRange[]).includes(range));
  if (cycle === undefined) throw new Error(`the range ${range} has no cycle`);
  return cycle;
}

/** In each interval of the range, the newest run of the workflow is what counts. */
export const dependentItemSchema = z
  .strictObject({
    workflow: workflowNameSchema,
    /** Absent: the run as a whole. A name: that task of it. `*`: every task of it. */
    task: z.union([taskNameSchema, z.literal('*')]).optional(),
    cycle: z.enum(dependentCycles),
    range: dependentRangeSchema,
  })
  .refine(({ cycle, range }) => cycleOfRange(range) === cycle, {
    path: ['range'],
    message: 'the range belongs to another cycle',
    params: { remedy: 'Ranges in hours have the cycle hour, in days day, in weeks week, in months month.' },
  });

export const relationSchema = z.enum(['and', 'or']);

export const dependentGroupSchema = z.strictObject({
  relation: relationSchema,
  items: z.array(dependentItemSchema).min(1).max(200),
});

/** Succeeds when the runs that it names have succeeded, whoever started them. */
export const dependentSettingsSchema = z.strictObject({
  type: z.literal('dependent'),
  relation: relationSchema,
  items: z.array(dependentGroupSchema).min(1).max(200),
  /** When the relation cannot be met any more: `fail` at once, or `wait` for a better run. */
  onFailure: z.enum(['fail', 'wait']),
  /** With `wait`: how long after the failure. Absent: as long as the deadline lets it. */
  failureWaitMs: durationMsSchema.optional(),
  /** Longest wait in all; then the task fails. Absent: no limit. */
  deadlineMs: durationMsSchema.optional(),
  /** True: the outputs of the runs or tasks become outputs of this task. */
  passOutputs: z.boolean().optional(),
});

export type WorkflowSettings = z.infer<typeof workflowSettingsSchema>;
export type DependentSettings = z.infer<typeof dependentSettingsSchema>;
export type DependentGroup = z.infer<typeof dependentGroupSchema>;
export type DependentItem = z.infer<typeof dependentItemSchema>;
export type Relation = z.infer<typeof relationSchema>;
