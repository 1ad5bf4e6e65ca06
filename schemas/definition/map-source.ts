/** A map in the form that users write. `workflow.definition.ts` holds the form that is stored. */
import { z } from 'zod';
import { paramNameSchema } from '../ids.ts';
import { jsonValueSchema } from '../json.ts';
import {
  durationSourceSchema,
  hasUsedPolicy,
  paramsSourceSchema,
  taskShape,
  timeoutPolicySourceSchema,
  unusedPolicy,
} from './task-common-source.ts';

const failuresSourceSchema = z
  .union([
    z.enum(['failFast', 'continue']),
    z.strictObject({ max: z.int().min(0).max(10_000).describe('Failed items that do no harm: 0 to 10000.') }),
  ])
  .optional()
  .describe(
    'When an item fails: `failFast` stops the others, `continue` lets all run and then fails the map, a map with `max` tolerates so many and is strict from then on. Default: failFast.',
  );

const listSourceSchema = z
  .union([z.array(jsonValueSchema), z.string().min(1).max(4_096)])
  .meta({ description: 'Values, or an expression (CEL) that gives them: tasks.list.outputs.files.' });

type Item = { needs: string | readonly string[]; description?: string | undefined; enabled?: boolean | undefined };

/** Reason for the cast: what is inferred of a generic shape names none of its fields. */
function hasPlainItem(map: unknown): boolean {
  const { needs, enabled, description } = (map as { task: Item }).task;
  return needs.length === 0 && enabled === undefined && description === undefined;
}

/** @param item what a worker or a child run does, as any task of its type */
export function mapTaskSourceOf<T extends z.ZodType<Item>>(item: T) {
  return z
    .strictObject({
      type: z.literal('map').describe('Runs one task for each value of a list.'),
      ...taskShape,
      over: z
        .record(paramNameSchema, listSourceSchema)
        .refine(
          (over) => Object.keys(over).length >= 1 && Object.keys(over).length <= 10,
          'a map is over 1 to 10 lists',
        )
        .describe(
          'Lists by name. Each item finds its value as a parameter of that name. Of several lists every combination is an item; the last changes fastest.',
        ),
      task: item.describe('What is done for each item: a task without needs of its own.'),
      concurrency: z
        .int()
        .min(1)
        .max(10_000)
        .optional()
        .describe('Items under way at a time: 1 to 10000. Default: as many as the workers have slots for.'),
      failures: failuresSourceSchema,
      params: paramsSourceSchema,
      delay: durationSourceSchema(0).optional().describe('Wait before the map begins, with its unit. Default: none.'),
      timeout: durationSourceSchema(1)
        .optional()
        .describe('Longest time for all items together, with its unit. Default: no limit.'),
      timeoutPolicy: timeoutPolicySourceSchema,
    })
    .refine(hasPlainItem, {
      path: ['task'],
      message: 'an item has no "needs", "enabled" or "description" of its own',
      params: { remedy: 'Give them to the map.' },
      when: ({ issues }) => issues.length === 0,
    })
    .refine(hasUsedPolicy, unusedPolicy)
    .meta({
      title: 'map task',
      description: 'Runs one task for each value of a list, and collects what they put out.',
    });
}
