/**
 * A workflow in the form that users write in YAML or JSON. `src/definitions` makes the canonical definition of it
 * (`workflow.definition.ts`); editors check it with the JSON Schema that is generated from here.
 */
import { z } from 'zod';
import { paramNameSchema, taskNameSchema, workflowNameSchema } from '../ids.ts';
import { jsonValueSchema } from '../json.ts';
import { knownTimeZoneSchema } from '../time-zone.ts';
import { durationSourceSchema, hasUsedPolicy, timeoutPolicySourceSchema, unusedPolicy } from './task-common-source.ts';
import { taskSourceSchema } from './task-source.ts';
import { concurrencyPolicies, failurePolicySchema } from './workflow.definition.ts';

const taskCountMax = 50_000;

export const workflowSourceSchema = z
  .strictObject({
    name: workflowNameSchema.describe('Name of the workflow: a letter, then letters, digits, "_" or "-"; at most 63.'),
    description: z.string().optional().describe('What the workflow is for; shown to people.'),
    params: z
      .record(paramNameSchema, jsonValueSchema)
      .default({})
      .describe('Parameters: name to default value. `null` has no default: a submission must give it. Default: none.'),
    failurePolicy: failurePolicySchema
      .default('continue')
      .describe(
        'When a task has failed: `continue` runs every branch that does not need it, `end` stops everything at once. Default: continue.',
      ),
    timeout: durationSourceSchema(1)
      .optional()
      .describe('Longest time from the beginning of a run to its end, with its unit. Default: no limit.'),
    timeoutPolicy: timeoutPolicySourceSchema,
    timeZone: knownTimeZoneSchema.optional().meta({
      description: 'Time zone in which `$[...]` and `system.*` write times, by its IANA name. Default: UTC.',
      examples: ['Europe/Berlin'],
    }),
    outputs: z
      .record(paramNameSchema, jsonValueSchema)
      .optional()
      .describe(
        'What a run gives to a task that waits for it: name to value, in which expressions are replaced. Default: the outputs of the tasks that no other task needs.',
      ),
    concurrency: z
      .union([
        z.enum(concurrencyPolicies),
        z.strictObject({
          policy: z.enum(concurrencyPolicies).describe('What becomes of a run beyond the limit.'),
          activeMax: z
            .int()
            .min(1)
            .max(100_000)
            .optional()
            .describe('Most runs at a time: 1 to 100000. Default: 1, with `parallel` no limit.'),
        }),
      ])
      .optional()
      .describe(
        'Runs beside each other: `parallel`, or `wait` (a run waits for its turn), `discard` (a run beyond the limit ends as stopped), `priority` (a run takes the place of those of its priority or below); or a map of `policy` and `activeMax`, the most runs at a time. Default: all run at once.',
      ),
    tasks: z
      .record(taskNameSchema, taskSourceSchema)
      .refine((tasks) => Object.keys(tasks).length > 0, 'a workflow has at least one task')
      .refine((tasks) => Object.keys(tasks).length <= taskCountMax, `a workflow has at most ${taskCountMax} tasks`)
      .describe('The tasks: name to task.'),
  })
  .refine(hasUsedPolicy, unusedPolicy)
  .meta({ title: 'Millrace workflow', description: 'A workflow definition: tasks and what each of them needs.' });

export type WorkflowSource = z.infer<typeof workflowSourceSchema>;
