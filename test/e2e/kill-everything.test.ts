/** The whole of `millrace dev` is killed again and again in the middle of runs; each start goes on where it ended. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { TaskSummary } from '../../schemas/messages/client.messages.ts';
import { type ClusterClient, connectToCluster, type StoredEvent } from '../kit/cluster-client.ts';
import { workflowOf } from '../kit/definitions.ts';
import { disagreements, readLedger, scriptTask, shellTask } from '../kit/effect-ledger.ts';
import { eventually } from '../kit/eventually.ts';
import { newFolder } from '../kit/process-cluster.ts';
import { killEverythingIn, type MillraceProcess, spawnMillrace } from '../kit/processes.ts';
import { type SeededRandom, seededRandom } from '../kit/seeded-random.ts';

/** `E2E_KILLS=50` for a long soak. */
const killCount = Number(process.env.E2E_KILLS ?? 3);
const chainCount = 5;
const chainLength = 6;

let folder = '';

afterEach(async () => {
  await killEverythingIn(folder);
  rmSync(folder, { recursive: true, force: true });
});

test(
  'runs go on and end after every process was killed, and nothing that had succeeded runs again',
  async () => {
    const random = seededRandom('kill everything');
    folder = newFolder('killed');
    const ledger = join(folder, 'ledger');
    writeFileSync(join(folder, 'millrace.yaml'), 'worker: { slots: 6 }\nmaster: { lossesMax: 1000 }\n');
    const definition = mixedWorkflow(random, ledger);
    const runs: InstanceId[] = [];
    const ownersBefore = new Map<InstanceId, number>();
    const startedAt = performance.now();

    for (let round = 1; round <= killCount; round += 1) {
      const dev = spawnMillrace(['dev', '--no-example'], { cwd: folder });
      // Once the first run exists, a kill may also come while everything is still starting.
      if (round > 1 && random.chance(0.3)) await sleep(random.between(300, 2_500));
      else {
        const client = await clientOf(dev);
        if (round === 1) await client.register(definition);
        runs.push((await client.submit(definition.name)).instance);
        await sleep(random.between(0, 2_000));
        for (const run of runs) ownersBefore.set(run, ownersOf(await client.history(run)).length);
        await client.close();
      }
      await killEverythingIn(folder);
      console.info(`round ${round}: ${seconds(startedAt)} s, ${readLedger(ledger).length} attempts so far`);
    }

    const client = await clientOf(spawnMillrace(['dev', '--no-example'], { cwd: folder }));
    for (const run of runs) {
      const { run: summary, tasks } = await client.whenEnded(run);
      expect(summary.status, notesOf(tasks)).toBe('succeeded');
      const history = await client.soundHistory(definition, run);
      expect(disagreements(readLedger(ledger), history)).toEqual([]);
      const owners = ownersOf(history);
      expect(owners).toEqual(owners.map((_, index) => index + 1));
      expect(owners.length).toBeGreaterThanOrEqual(ownersBefore.get(run) ?? 1);
      expect(history.filter(({ type }) => type === 'TaskSucceeded')).toHaveLength(definition.tasks.length);
    }
    console.info(`all ${runs.length} runs ended: ${seconds(startedAt)} s`);
    await client.close();
  },
  60_000 + killCount * 20_000,
);

const notesOf = (tasks: readonly TaskSummary[]): string =>
  tasks.flatMap(({ task, status, note }) => (status === 'failed' ? [`${task}: ${note}`] : [])).join('\n');

/** Where `millrace dev` listens changes with each start. */
async function clientOf(dev: MillraceProcess): Promise<ClusterClient> {
  const { nats, store } = await eventually('millrace dev is up', () => {
    const content = JSON.parse(readFileSync(join(folder, '.millrace', 'dev.json'), 'utf8')) as Record<string, unknown>;
    // The file of a killed one is left behind.
    return content.pid === dev.pid ? content : undefined;
  }).catch((cause) => {
    throw new Error(`millrace dev did not start. It said:\n${dev.output()}`, { cause });
  });
  return connectToCluster(String(nats), String(store));
}

/** Chains of fast and slow tasks that end in one. */
function mixedWorkflow(random: SeededRandom, ledger: string): WorkflowDefinition {
  const tasks: TaskDefinition[] = [];
  for (let chain = 0; chain < chainCount; chain += 1) {
    for (let step = 0; step < chainLength; step += 1) {
      const needs = step === 0 ? [] : [`c${chain}-${step - 1}`];
      tasks.push(anyTask(`c${chain}-${step}`, { random, ledger, needs }));
    }
  }
  const ends = Array.from({ length: chainCount }, (_, chain) => `c${chain}-${chainLength - 1}`);
  tasks.push(scriptTask('join', { ledger, needs: ends }));
  return workflowOf(tasks);
}

function anyTask(name: string, of: { random: SeededRandom; ledger: string; needs: string[] }): TaskDefinition {
  const { random } = of;
  if (random.chance(0.3)) return shellTask(name, { ...of, command: `sleep ${random.between(0, 0.8).toFixed(2)}` });
  return scriptTask(name, { ...of, afterMs: random.chance(0.4) ? 0 : random.integer(1, 800) });
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}

function ownersOf(history: readonly StoredEvent[]): unknown[] {
  return history.filter(({ type }) => type === 'OwnershipTaken').map(({ data }) => data.epoch);
}
