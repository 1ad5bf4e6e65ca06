/**
 * The tasks that the owner of a run decides by itself, in the form that users write: `switch`, `conditions`, `signal` and
 * `approval`. `logic-settings.ts` holds the form that is stored.
 */
import { z } from 'zod';
import { taskNameSchema } from '../ids.ts';
import { approvalSettingsSchema, switchCasesMax, switchExpressionSchema } from './logic-settings.ts';
import {
  hasUsedPolicy,
  lastingShape,
  paramsSourceSchema,
  type RetrySource,
  taskShape,
  unusedPolicy,
} from './task-common-source.ts';

const nextSourceSchema = z.union([taskNameSchema, z.array(taskNameSchema)]);

export const switchTaskSourceSchema = z
  .strictObject({
    type: z.literal('switch').describe('Takes the first way whose expression is true.'),
    ...taskShape,
    params: paramsSourceSchema,
    cases: z
      .array(
        z.strictObject({
          when: switchExpressionSchema.meta({
            description: 'An expression (CEL) that is true or false: params.target == "live".',
            examples: ['params.target == "live"', 'tasks.count.outputs.rows > 100'],
          }),
          next: nextSourceSchema.describe(
            'Tasks that this way leads to: one name or a list. They must need the switch.',
          ),
        }),
      )
      .min(1)
      .max(switchCasesMax)
      .describe('The ways, in order: the first whose expression is true is taken.'),
    otherwise: nextSourceSchema
      .default([])
      .describe('Tasks that run when no expression is true: one name or a list. Default: none.'),
  })
  .meta({ title: 'switch task', description: 'Takes the first way whose expression is true; the others are skipped.' });

const endSchema = z.enum(['succeeded', 'failed']).describe('`succeeded` or `failed`.');

const endsSchema = z.record(taskNameSchema, endSchema).refine((ends) => Object.keys(ends).length > 0, {
  message: 'expected at least one task and how it ended',
  params: { remedy: 'Write it like { load: succeeded }.' },
});

/** A condition on how needed tasks ended, as it is written: `{ load: failed }` is short for `{ task: load, is: failed }`. */
export type ConditionSource =
  | { all: PartsSource }
  | { any: PartsSource }
  | { task: z.infer<typeof taskNameSchema>; is: 'succeeded' | 'failed' }
  | EndsSource;
export type PartsSource = ConditionSource[] | EndsSource;
export type EndsSource = z.infer<typeof endsSchema>;

const partsSchema = z.union([
  z
    .array(z.lazy(() => conditionSourceSchema))
    .min(1)
    .max(1_000),
  endsSchema,
]);

export const conditionSourceSchema: z.ZodType<ConditionSource> = z
  .union([
    z.strictObject({
      all: partsSchema.describe('All of these hold: a list of conditions, or tasks and how they ended.'),
    }),
    z.strictObject({
      any: partsSchema.describe('One of these holds: a list of conditions, or tasks and how they ended.'),
    }),
    z.strictObject({ task: taskNameSchema.describe('A task that this task needs.'), is: endSchema }),
    endsSchema,
  ])
  .meta({
    id: 'condition',
    description: 'How needed tasks ended: { load: failed }, or { all: ... }, { any: ... }.',
  });

export const conditionsTaskSourceSchema = z
  .strictObject({
    type: z.literal('conditions').describe('Takes one of two ways by how needed tasks ended.'),
    ...taskShape,
    when: conditionSourceSchema,
    next: nextSourceSchema
      .default([])
      .describe('Tasks that run when the condition holds: one name or a list. Default: none.'),
    otherwise: nextSourceSchema
      .default([])
      .describe('Tasks that run when it does not hold: one name or a list. Default: none.'),
  })
  .meta({
    title: 'conditions task',
    description: 'Runs when all that it needs has ended, well or badly, and takes one of two ways.',
  });

type Answered = { retry: RetrySource; timeout?: string | undefined; timeoutPolicy?: string | undefined };

/** Nothing else than a timeout makes such a task fail so that it may try again. */
const hasUsedRetry = ({ retry, timeout, timeoutPolicy }: Answered) => {
  const attempts = typeof retry === 'number' ? retry : retry?.attempts;
  return !(attempts > 1) || (timeout !== undefined && timeoutPolicy !== 'warn');
};
const unusedRetry = {
  path: ['retry'],
  message: 'such a task is only tried again after a timeout that lets it fail',
  params: { remedy: 'Add "timeout", or leave "retry" out.' },
  when: () => true,
};

export const signalTaskSourceSchema = z
  .strictObject({
    type: z.literal('signal').describe('Waits for a signal to the run.'),
    ...lastingShape,
    name: taskNameSchema.describe('Name of the signal.'),
  })
  .refine(hasUsedPolicy, unusedPolicy)
  .refine(hasUsedRetry, unusedRetry)
  .meta({
    title: 'signal task',
    description: 'Waits for a signal of a name; its payload is the output `payload`.',
  });

export const approvalTaskSourceSchema = z
  .strictObject({
    type: z.literal('approval').describe('Waits for a person to approve.'),
    ...lastingShape,
    question: approvalSettingsSchema.shape.question.describe('What the person is asked. Default: none.'),
  })
  .refine(hasUsedPolicy, unusedPolicy)
  .refine(hasUsedRetry, unusedRetry)
  .meta({ title: 'approval task', description: 'Waits until a person approves; fails when one declines.' });

export type SwitchTaskSource = z.infer<typeof switchTaskSourceSchema>;
export type ConditionsTaskSource = z.infer<typeof conditionsTaskSourceSchema>;
