/** How a script of a shell task meets Millrace: inputs are a JSON file, outputs another one; a fault is one sentence. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { env, pid } from 'node:process';

/** The environment is the agreement between worker and task. */
const { MILLRACE_INPUTS: inputsFile, MILLRACE_OUTPUT: outputsFile, MILLRACE_INSTANCE: instance } = env;

/** Runs `work({ params, needs })`; what it returns are the outputs of the task. */
export async function runTask(work) {
  try {
    const inputs = JSON.parse(await readFile(inputsFile, 'utf8'));
    const outputs = await work(inputs);
    await writeFile(outputsFile, JSON.stringify(outputs));
  } catch (fault) {
    console.error(fault instanceof Error ? fault.message : fault);
    process.exitCode = 1;
  }
}

/** Which run this is; shown in the reports. */
export function runName() {
  return instance ?? 'by hand';
}

/** An attempt may be repeated, or cut off in the middle: a reader sees the old file or the new one, never half of one. */
export async function writeWhole(path, text) {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${pid}.draft`;
  await writeFile(draft, text);
  await rename(draft, path);
}
