/** The JSON Schema of workflow files, for editors. A test keeps `docs/schema/workflow.schema.json` equal to it. */
import { z } from 'zod';
import { workflowSourceSchema } from '../../schemas/definition/workflow-source.ts';

/** Draft 7, which all common editors understand; the text of the file, with a newline at its end. */
export function generateWorkflowSchema(): string {
  const schema = z.toJSONSchema(workflowSourceSchema, { io: 'input', target: 'draft-7' });
  return `${JSON.stringify(schema, null, 2)}\n`;
}
