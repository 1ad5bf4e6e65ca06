/** How the supervisor of a worker's shell attempts is started. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { baseEnvironment } from '../config/environment.ts';
import type { SupervisorProgram } from '../supervisor/supervisor-link.ts';

export function supervisorProgram(idleMs: number): SupervisorProgram {
  return { file: process.execPath, args: [...programArguments(), String(idleMs)], environment: baseEnvironment() };
}

/**
 * From the build directly. From source as CommonJS: the loader for modules would bring a second thread, which costs half a
 * second and 30 MB.
 */
function programArguments(): string[] {
  const here = fileURLToPath(import.meta.url);
  if (!here.endsWith('.ts')) return [join(dirname(here), 'supervisor.main.js')];
  const loader = fileURLToPath(import.meta.resolve('tsx/cjs'));
  return ['--require', loader, '--eval', 'require(process.argv[1])', join(dirname(here), 'supervisor.main.ts')];
}
