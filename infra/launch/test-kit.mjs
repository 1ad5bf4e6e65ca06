/** `millrace/test-kit`: from the build if it is there, else from the sources, of which nobody else's imports take note. */
import { inProject, isInProject } from './project-root.mjs';

const build = ['dist', 'src', 'test-kit', 'test-kit.js'];
const source = ['src', 'test-kit', 'test-kit.ts'];

async function load() {
  const { pathToFileURL } = await import('node:url');
  if (!isInProject(...source)) return import(pathToFileURL(inProject(...build)).href);
  const { tsImport } = await import('tsx/esm/api');
  return tsImport(pathToFileURL(inProject(...source)).href, { parentURL: import.meta.url, tsconfig: false });
}

export const {
  approve,
  asks,
  decline,
  fails,
  given,
  isRefused,
  losesWorker,
  masterDies,
  neverReports,
  passes,
  pause,
  resume,
  signal,
  stop,
  succeeds,
  takes,
  until,
  workerJoins,
  workerLeaves,
} = await load();
