/** The example of an application that outlives its worker and its master: one command, which prints the timeline. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const demo = new URL('../chaos/yarn-failover-demo.ts', import.meta.url).pathname;

it('shows that the application is followed to its end, and submitted once', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', demo]);
  expect(stdout).toContain('The run has succeeded; applications that were submitted: 1.');
  const told = ['ApplicationFound', 'TaskOrphaned', 'ApplicationAdopted', 'ApplicationEnded', 'TaskSucceeded'];
  const places = told.map((type) => stdout.indexOf(type));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(stdout).toMatch(/I11 {2}holds/);
});
