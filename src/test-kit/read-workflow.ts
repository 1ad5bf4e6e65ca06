/** A workflow as a test gives it: YAML or JSON text, the same as an object, or a stored definition. */
import { type WorkflowDefinition, workflowDefinitionSchema } from '../../schemas/definition/workflow.definition.ts';
import { checkDefinition } from '../definitions/check-definition.ts';
import { formatFaults } from '../definitions/format-faults.ts';
import { parseDefinition } from '../definitions/parse-definition.ts';
import { AppError } from '../errors/app-error.ts';

/** @throws AppError DEFINITION_INVALID with all faults */
export function readWorkflow(workflow: string | object): WorkflowDefinition {
  if (typeof workflow === 'object' && workflowDefinitionSchema.safeParse(workflow).success) return stored(workflow);
  const text = typeof workflow === 'string' ? workflow : JSON.stringify(workflow, undefined, 2);
  const parsed = parseDefinition(text, 'workflow');
  if (parsed.kind === 'ok') return parsed.definition;
  throw new AppError('DEFINITION_INVALID', `The workflow has faults:\n${formatFaults(parsed.faults, text)}`);
}

function stored(workflow: object): WorkflowDefinition {
  const checked = checkDefinition(workflow);
  if (checked.kind === 'ok') return checked.definition;
  throw new AppError('DEFINITION_INVALID', `The workflow has faults:\n${formatFaults(checked.faults)}`);
}
