/** Real processes of all kinds: a secret reaches its command, and no file, log or message that they leave behind. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';

const secret = 'correct-horse-battery-staple';
let secretsFolder: string;
let cluster: ProcessCluster;
beforeEach(() => {
  secretsFolder = mkdtempSync(join(tmpdir(), 'secrets-'));
  writeFileSync(join(secretsFolder, 'token'), `${secret}\n`, { mode: 0o600 });
});
afterEach(async () => {
  await cluster.remove();
  rmSync(secretsFolder, { recursive: true, force: true });
});

it('a secret stays where it is used, also when the worker is killed meanwhile', async () => {
  cluster = await startProcessCluster({
    workers: ['worker-1'],
    master: { workerAbsenceMaxMs: 30_000 },
    worker: { secrets: { folder: secretsFolder } },
  });
  const [began, go] = [join(cluster.folder, 'began'), join(cluster.folder, 'go')];
  const command = [
    `echo "before $token"; touch '${began}'; while [ ! -e '${go}' ]; do sleep 0.05; done`,
    `[ "$MILLRACE_PARAM_token" = "$(printf '%s-' correct horse battery)staple" ] && echo right; echo "after $header"`,
    'echo "said=$token" >> "$MILLRACE_OUTPUT"',
  ].join('\n');
  const task: TaskDefinition = {
    ...taskOf('step'),
    settings: { type: 'shell', command, graceMs: 1_000 },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder.
    params: { token: { secret: 'token' }, header: 'Bearer ${token}' },
  };
  await cluster.client.register(workflowOf([task]));
  const { instance } = await cluster.client.submit('tested');
  await eventually('the command runs', () => (existsSync(began) ? true : undefined));
  await cluster.process('worker-1').end('SIGKILL');
  await cluster.start('worker-1');
  writeFileSync(go, '');

  const ended = await cluster.client.whenEnded(instance);
  expect(ended.tasks[0]?.outputs, JSON.stringify(ended)).toEqual({ said: '***' });
  const logs = await cluster.millrace('logs', instance, 'step');
  expect(logs.output).toContain('before ***\nright\nafter Bearer ***');
  expect(cluster.log()).not.toContain(secret);
  // What the command itself wrote to its own file is the command's.
  const holding = filesIn(cluster.folder).filter((path) => readFileSync(path).includes(secret));
  expect(holding.map((path) => path.split('/').at(-1))).toEqual(['outputs']);
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}
