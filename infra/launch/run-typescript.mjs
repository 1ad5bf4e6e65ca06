/** Runs a TypeScript program of this project inside this very process: a second one would cost its start-up again. */
import { pathToFileURL } from 'node:url';
import { exitUnavailable, LaunchError } from './launch-error.mjs';
import { projectRoot } from './project-root.mjs';

/** The program finds `args` from the third place of `process.argv` on, as if node had been called with its file. */
export async function runTypeScript(file, args) {
  const { register } = await import('tsx/esm/api').catch(packagesMissing);
  // Our TypeScript needs only its types erased; without this the tsconfig.json of the current folder would count.
  register({ tsconfig: false });
  await runModule(file, args);
}

export async function runModule(file, args) {
  process.argv.splice(1, Number.POSITIVE_INFINITY, file, ...args);
  await import(pathToFileURL(file).href);
}

function packagesMissing(cause) {
  if (cause.code !== 'ERR_MODULE_NOT_FOUND') throw cause;
  throw new LaunchError(`the packages are not installed: run \`npm ci\` in ${projectRoot}.`, exitUnavailable, {
    cause,
  });
}
