/**
 * The tasks that wait for other runs, in the form that users write: `workflow` and `dependent`. `run-settings.ts` holds the
 * form that is stored.
 */
import { z } from 'zod';
import { paramNameSchema, taskNameSchema, workflowNameSchema } from '../ids.ts';
import { jsonValueSchema } from '../json.ts';
import { cycleOfRange, dependentCycles, dependentRangeSchema, relationSchema } from './run-settings.ts';
import { durationSourceSchema, hasUsedPolicy, lastingShape, unusedPolicy } from './task-common-source.ts';

export const workflowTaskSourceSchema = z
  .strictObject({
    type: z.literal('workflow').describe('Runs another workflow as a child.'),
    ...lastingShape,
    workflow: workflowNameSchema.describe('Name of the workflow to run.'),
    version: z
      .int()
      .min(1)
      .optional()
      .describe('Version to run. Default: the newest one at the moment when the task begins.'),
    params: z
      .record(paramNameSchema, jsonValueSchema)
      .default({})
      .describe('Parameters of the child: name to value, in which expressions are replaced. Default: none.'),
  })
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'workflow task', description: 'Runs another workflow; its outputs become those of the task.' });

const dependentItemSourceSchema = z
  .strictObject({
    workflow: workflowNameSchema.describe('The workflow whose runs are waited for.'),
    task: z
      .union([taskNameSchema, z.literal('*')])
      .optional()
      .describe('A task of those runs, or `*` for every task. Default: the run as a whole.'),
    range: dependentRangeSchema.describe(
      'Which runs, by their logical time, seen from that of this run: today, last1Days, lastMonday, thisMonthEnd and so on.',
    ),
    cycle: z
      .enum(dependentCycles)
      .optional()
      .describe('hour, day, week or month: the cycle of the range. Default: that of the range.'),
  })
  .refine(({ cycle, range }) => cycle === undefined || cycleOfRange(range) === cycle, {
    path: ['cycle'],
    message: 'the range belongs to another cycle',
    params: { remedy: 'Leave the cycle out, or choose one that has the range.' },
  });

const relation = relationSchema.default('and');

export const dependentTaskSourceSchema = z
  .strictObject({
    type: z.literal('dependent').describe('Waits for runs of other workflows.'),
    ...lastingShape,
    relation: relation.describe('Whether all groups are needed (`and`) or one of them (`or`). Default: and.'),
    items: z
      .array(
        z.strictObject({
          relation: relation.describe('Whether all items are needed (`and`) or one of them (`or`). Default: and.'),
          items: z.array(dependentItemSourceSchema).min(1).max(200).describe('The runs of this group.'),
        }),
      )
      .min(1)
      .max(200)
      .describe('Groups of runs that are waited for.'),
    onFailure: z
      .enum(['fail', 'wait'])
      .default('fail')
      .describe('When those runs have failed: `fail` at once, or `wait` for better ones. Default: fail.'),
    failureWait: durationSourceSchema(0)
      .optional()
      .describe('With `onFailure: wait`: how long after the failure, with its unit. Default: no limit.'),
    deadline: durationSourceSchema(1)
      .optional()
      .describe('Longest wait in all, with its unit; then the task fails. Default: no limit.'),
    passOutputs: z
      .boolean()
      .optional()
      .describe('Whether the outputs of those runs or tasks become outputs of this task. Default: false.'),
  })
  .refine(({ onFailure, failureWait }) => failureWait === undefined || onFailure === 'wait', {
    path: ['failureWait'],
    message: '"failureWait" is only for "onFailure: wait"',
    params: { remedy: 'Add "onFailure: wait", or leave the limit out.' },
    when: () => true,
  })
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'dependent task', description: 'Succeeds when runs of other workflows have succeeded.' });

export type WorkflowTaskSource = z.infer<typeof workflowTaskSourceSchema>;
export type DependentTaskSource = z.infer<typeof dependentTaskSourceSchema>;
