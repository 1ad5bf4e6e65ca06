/** The parameters of a run that is submitted: defaults filled in; unknown and missing ones are refused (I10). */
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { AppError } from '../errors/app-error.ts';

const paramsSizeBytesMax = 262_144;

/** @throws AppError PARAM_UNKNOWN, PARAM_MISSING, BAD_REQUEST */
export function checkParams(
  { name: workflow, params }: Pick<WorkflowDefinition, 'name' | 'params'>,
  given: JsonRecord,
): JsonRecord {
  const known = Object.keys(params);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(params, name)) continue;
    const names = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    throw new AppError('PARAM_UNKNOWN', `the workflow ${workflow} has no parameter ${name}; ${names}`, {
      details: { param: name, known },
    });
  }
  const merged: JsonRecord = { ...params, ...given };
  for (const [name, value] of Object.entries(merged)) {
    if (value !== null) continue;
    throw new AppError('PARAM_MISSING', `the parameter ${name} of ${workflow} has no default; give a value`, {
      details: { param: name },
    });
  }
  const sizeBytes = Buffer.byteLength(JSON.stringify(merged));
  if (sizeBytes > paramsSizeBytesMax) {
    const message = `the parameters take ${sizeBytes} bytes; at most ${paramsSizeBytesMax} are kept. Pass a reference instead`;
    throw new AppError('BAD_REQUEST', message);
  }
  return merged;
}
