/** Workflow files, read and checked here: faults are shown with their line before anything is sent. */
import { relative, resolve } from 'node:path';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { JsonValue } from '../../schemas/json.ts';
import { formatFaults } from '../definitions/format-faults.ts';
import { type LoadResult, loadDefinitionFile } from '../definitions/load-definition-file.ts';
import { AppError } from '../errors/app-error.ts';

/** All files or none: throws DEFINITION_INVALID with the faults of every file. */
export async function readDefinitions(files: readonly string[], cwd: string): Promise<WorkflowDefinition[]> {
  const results = await Promise.all(files.map((file) => readOne(file, cwd)));
  const faulty = results.flatMap((result) => (result.kind === 'faults' ? [result] : []));
  if (faulty.length === 0) return results.flatMap((result) => (result.kind === 'ok' ? [result.definition] : []));
  const faults = faulty.flatMap((result) => result.faults);
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  throw new AppError(
    'DEFINITION_INVALID',
    [
      `Nothing was registered; ${count} found:`,
      ...faulty.map((result) => formatFaults(result.faults, result.text)),
    ].join('\n'),
    { details: { faults: faults.map((fault): JsonValue => ({ ...fault })) } },
  );
}

export async function readDefinition(file: string, cwd: string): Promise<WorkflowDefinition> {
  const [definition] = await readDefinitions([file], cwd);
  if (definition === undefined)
    throw new AppError('INTERNAL', `The file ${file} gave neither a definition nor faults.`);
  return definition;
}

/** Faults name the file as the user would from the current folder. */
async function readOne(file: string, cwd: string): Promise<LoadResult> {
  const absolute = resolve(cwd, file);
  const result = await loadDefinitionFile(absolute);
  if (result.kind === 'ok') return result;
  return { ...result, faults: result.faults.map((fault) => ({ ...fault, file: relative(cwd, absolute) })) };
}
