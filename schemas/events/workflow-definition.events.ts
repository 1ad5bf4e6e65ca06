/** The versions of one workflow (stream `workflowDefinition-<name>`): event n holds version n+1. Versions never change. */
import { z } from 'zod';
import { workflowDefinitionSchema } from '../definition/workflow.definition.ts';
import { digestSchema } from '../ids.ts';

export const workflowDefinitionEvents = {
  DefinitionRegistered: z.object({
    version: z.int().min(1),
    digest: digestSchema,
    definition: workflowDefinitionSchema,
    registeredAt: z.int(),
  }),
} as const;

export type DefinitionRegistered = {
  type: 'DefinitionRegistered';
  data: z.infer<(typeof workflowDefinitionEvents)['DefinitionRegistered']>;
};
