/** `millrace dev`: one command from a fresh copy to a report, Ctrl-C that leaves nothing behind, a next start that goes on. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ClusterClient, connectToCluster } from '../kit/cluster-client.ts';
import { workflowOf } from '../kit/definitions.ts';
import { disagreements, readLedger, scriptTask, shellTask } from '../kit/effect-ledger.ts';
import { newFolder } from '../kit/process-cluster.ts';
import { killEverythingIn, type MillraceProcess, processesIn, projectDir, spawnMillrace } from '../kit/processes.ts';

let folder = '';

beforeEach(() => {
  folder = newFolder('dev');
});

afterEach(async () => {
  await killEverythingIn(folder);
  rmSync(folder, { recursive: true, force: true });
});

test('from a copy of the project, dev --once makes the report and ends with 0', async () => {
  copyProjectTo(folder);

  const dev = spawnMillrace(['dev', '--once'], { cwd: folder, projectDir: folder });
  const { code } = await dev.ended;

  expect(code, dev.output()).toBe(0);
  expect(dev.stdout()).toMatch(/dependency-report \S+ succeeded/);
  const report = (name: string) => readFileSync(join(folder, '.millrace', 'dependency-report', name), 'utf8');
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as { packages: object };
  const packageCount = Object.keys(lock.packages).filter((path) => path !== '').length;
  expect(report('report.html')).toMatch(/<html[\s\S]*<svg[\s\S]*<\/html>/);
  expect(report('report.md')).toContain(String(packageCount));
  expect(processesIn(folder)).toEqual([]);
});

test('Ctrl-C and a closed terminal stop everything in order, and the next start goes on with the run', async () => {
  const ledger = join(folder, 'ledger');
  const flag = join(folder, 'go-on');
  writeFileSync(join(folder, 'millrace.yaml'), 'worker:\n  drainDeadlineMs: 500\n');
  const definition = workflowOf([
    scriptTask('first', { ledger }),
    shellTask('slow', { ledger, needs: ['first'], command: `until [ -e '${flag}' ]; do sleep 0.1; done` }),
    scriptTask('last', { ledger, needs: ['slow'] }),
  ]);
  const dev = startDev();
  const before = await clientOf(dev);
  await before.register(definition);
  const { instance } = await before.submit(definition.name);
  await before.whenWritten(instance, ({ type, data }) => type === 'TaskStarted' && data.task === 'slow');
  await before.close();

  // A terminal sends it to all processes of its foreground group.
  process.kill(-dev.pid, 'SIGINT');
  const { code } = await dev.ended;

  expect(code, dev.output()).toBe(0);
  expect(dev.output()).toContain('Stopping ...');
  expect(dev.output()).not.toContain('is started again');
  expect(processesIn(folder)).toEqual([]);

  const restartedAt = performance.now();
  const next = startDev();
  const after = await clientOf(next);
  const startMs = Math.round(performance.now() - restartedAt);
  console.info(`second start: ${startMs} ms`);
  expect(startMs).toBeLessThan(20_000);
  writeFileSync(flag, '');
  expect((await after.whenEnded(instance)).run.status).toBe('succeeded');
  const history = await after.soundHistory(definition, instance);
  expect(disagreements(readLedger(ledger), history)).toEqual([]);
  await after.close();
  // The terminal is closed.
  process.kill(-next.pid, 'SIGHUP');
  expect((await next.ended).code).toBe(0);
  expect(processesIn(folder)).toEqual([]);
});

test('a role that cannot start names its log, and the log says why', async () => {
  mkdirSync(join(folder, '.millrace'));
  writeFileSync(join(folder, '.millrace', 'masters'), 'no folder');

  const dev = spawnMillrace(['dev', '--once'], { cwd: folder });

  expect((await dev.ended).code).not.toBe(0);
  const log = join(folder, '.millrace', 'logs', 'master-1.log');
  expect(dev.output()).toContain(log);
  expect(readFileSync(log, 'utf8')).toContain('not a directory');
  expect(processesIn(folder)).toEqual([]);
});

function startDev(): MillraceProcess {
  return spawnMillrace(['dev', '--no-example'], { cwd: folder, isGroupLeader: true });
}

/** Resolves when `millrace dev` says that it is up. */
async function clientOf(dev: MillraceProcess): Promise<ClusterClient> {
  await dev.says('Millrace is up');
  const address = JSON.parse(readFileSync(join(folder, '.millrace', 'dev.json'), 'utf8')) as Record<string, unknown>;
  return connectToCluster(String(address.nats), String(address.store));
}

/** What a download has, with the packages installed. */
function copyProjectTo(target: string): void {
  const parts = ['actors', 'examples', 'infra', 'schemas', 'src', 'package.json', 'package-lock.json', 'tsconfig.json'];
  for (const part of parts) cpSync(join(projectDir, part), join(target, part), { recursive: true });
  symlinkSync(join(projectDir, 'node_modules'), join(target, 'node_modules'));
}
