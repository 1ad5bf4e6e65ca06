/**
 * Settings of the tasks that the owner of a run decides by itself: no worker is needed. In the form that is stored.
 * `logic-source.ts` holds the form that users write.
 */
import { z } from 'zod';
import { taskNameSchema } from '../ids.ts';

export const switchExpressionSchema = z.string().min(1).max(4_096);
export const switchCasesMax = 1_000;
const next = z.array(taskNameSchema);

/** Takes the first case whose expression is true, else `otherwise`. Dependants that are named only elsewhere are skipped. */
export const switchSettingsSchema = z.strictObject({
  type: z.literal('switch'),
  cases: z
    .array(z.strictObject({ when: switchExpressionSchema, next }))
    .min(1)
    .max(switchCasesMax),
  otherwise: next,
});

/** A condition on how needed tasks ended. */
export type Condition =
  | { task: z.infer<typeof taskNameSchema>; is: 'succeeded' | 'failed' }
  | { all: Condition[] }
  | { any: Condition[] };

export const conditionSchema: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    z.strictObject({ task: taskNameSchema, is: z.enum(['succeeded', 'failed']) }),
    z.strictObject({ all: z.array(conditionSchema).min(1).max(1_000) }),
    z.strictObject({ any: z.array(conditionSchema).min(1).max(1_000) }),
  ]),
);

/** Runs when everything that it needs has ended, well or badly, and takes one of two ways. */
export const conditionsSettingsSchema = z.strictObject({
  type: z.literal('conditions'),
  when: conditionSchema,
  next,
  otherwise: next,
});

/** Waits for a signal of that name to the run; its payload is the output `payload`. */
export const signalSettingsSchema = z.strictObject({ type: z.literal('signal'), name: taskNameSchema });

/** Waits until a person approves or declines. */
export const approvalSettingsSchema = z.strictObject({
  type: z.literal('approval'),
  question: z.string().max(1_000).optional(),
});

export type SwitchSettings = z.infer<typeof switchSettingsSchema>;
export type ConditionsSettings = z.infer<typeof conditionsSettingsSchema>;
