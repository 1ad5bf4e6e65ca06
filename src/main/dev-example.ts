/** The example that `millrace dev` runs: a real job on this project's own lock file. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../schemas/config.schema.ts';

export type DevExample = {
  /** Arguments of the program that register the workflow, run it and show its progress. */
  submitArgs: string[];
  /** Where the report is written. */
  outputDir: string;
  home: string;
};

export function devExample(config: Config): DevExample {
  const root = projectRoot();
  const home = join(root, 'examples', 'dependency-report');
  const outputDir = resolve(config.dataDir, 'dependency-report');
  const params = { home, lockfile: join(root, 'package-lock.json'), outputDir };
  const flags = Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  return { submitArgs: ['submit', '--file', join(home, 'workflow.yaml'), ...flags, '--wait'], outputDir, home };
}

/** The folder of this project: the nearest one above that holds the examples. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'examples', 'dependency-report'))) {
    const above = dirname(folder);
    if (above === folder) throw new Error('the examples are not where this program was installed');
    folder = above;
  }
  return folder;
}
