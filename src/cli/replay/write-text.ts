/** Files that a person asked for. */
import { writeFile } from 'node:fs/promises';
import { AppError } from '../../errors/app-error.ts';

/** @param shown the path as it was given. @throws AppError BAD_REQUEST */
export async function writeText(path: string, text: string | Iterable<string>, shown: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (fault) {
    throw new AppError('BAD_REQUEST', `${shown} cannot be written: ${fault instanceof Error ? fault.message : fault}`);
  }
}
