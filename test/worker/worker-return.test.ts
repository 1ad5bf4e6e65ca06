/** Real processes of all kinds: a worker that is killed and returns keeps its attempt, and the run never notices. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { readLedger, shellTask } from '../kit/effect-ledger.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { processesIn } from '../kit/processes.ts';

let cluster: ProcessCluster;
afterEach(() => cluster.remove());

it('a run whose worker is killed twice and returns goes on with the same attempt', async () => {
  cluster = await startProcessCluster({ workers: ['worker-1'], master: { workerAbsenceMaxMs: 30_000 } });
  const ledger = join(cluster.folder, 'ledger');
  const go = join(cluster.folder, 'go');
  const command = `while [ ! -e '${go}' ]; do sleep 0.05; done; echo rows=3 > "$MILLRACE_OUTPUT"`;
  const waiting: TaskDefinition = { ...taskOf('pause'), settings: { type: 'wait', durationMs: 4_000 } };
  const definition = workflowOf([
    shellTask('long', { ledger, command }),
    waiting,
    shellTask('after', { ledger, needs: ['long', 'pause'], command: 'true' }),
  ]);
  await cluster.client.register(definition);
  const { instance } = await cluster.client.submit(definition.name);
  await eventually('the command runs', () => (readLedger(ledger).length === 1 ? true : undefined));

  for (let life = 1; life <= 2; life += 1) {
    await cluster.process('worker-1').end('SIGKILL');
    await cluster.start('worker-1');
  }
  const attemptId = readLedger(ledger)[0]?.attemptId ?? '';
  const logs = await cluster.millrace('logs', instance, 'long');
  expect(logs.exitCode, logs.output).toBe(0);
  writeFileSync(go, '');
  const { run } = await cluster.client.whenEnded(instance);
  expect(run.status).toBe('succeeded');

  const history = await cluster.client.soundHistory(definition, instance);
  expect(history.filter(({ type }) => type === 'TaskLost' || type === 'TaskRetryScheduled')).toEqual([]);
  const succeeded = history.find(({ type, data }) => type === 'TaskSucceeded' && data.task === 'long');
  expect(succeeded?.data).toMatchObject({ attemptId, outputs: { rows: '3' } });
  expect(readLedger(ledger).map(({ task }) => task)).toEqual(['long', 'after']);

  // A clean stop takes the idle supervisor with it.
  const dataDir = join(cluster.folder, 'workers', 'worker-1');
  expect(processesIn(dataDir)).toHaveLength(1);
  expect((await cluster.process('worker-1').end('SIGTERM')).code).toBe(0);
  expect(processesIn(dataDir)).toEqual([]);
  expect(existsSync(join(dataDir, 'supervisor', 'socket'))).toBe(false);
});
