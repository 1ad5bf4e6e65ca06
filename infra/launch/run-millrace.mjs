/** Starts the `millrace` program: from the sources if they are there, else from the build. */
import { exitUnavailable, LaunchError } from './launch-error.mjs';
import { inProject, isInProject, projectRoot } from './project-root.mjs';
import { runModule, runTypeScript } from './run-typescript.mjs';

const source = ['src', 'main', 'millrace.main.ts'];
const build = ['dist', 'src', 'main', 'millrace.main.js'];

export async function runMillrace(args) {
  process.env.NODE_ENV ||= 'production';
  if (isInProject(...source)) return runTypeScript(inProject(...source), args);
  if (isInProject(...build)) return runModule(inProject(...build), args);
  const problem = `neither ${source.join('/')} nor ${build.join('/')} is in ${projectRoot}`;
  throw new LaunchError(`${problem}: get the sources, or build them with \`npm run build\`.`, exitUnavailable);
}
