/** Processes are killed and frozen at random while runs are under way, one after the other and several at once. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { stateReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { workflowOf } from '../kit/definitions.ts';
import { disagreements, readLedger, scriptTask, shellTask } from '../kit/effect-ledger.ts';
import { replayOf, type ToldState, toldStates, unlikeStates, untrueFacts } from '../kit/live-states.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { kill } from '../kit/processes.ts';
import { type SeededRandom, seededRandom } from '../kit/seeded-random.ts';

/** `E2E_CHAOS_MS=600000` for a long soak. */
const chaosMs = Number(process.env.E2E_CHAOS_MS ?? 5_000);
const victims = ['store', 'nats', 'master-1', 'master-2', 'worker-1', 'worker-2'];

let cluster: ProcessCluster;
let ledger = '';

beforeAll(async () => {
  cluster = await startProcessCluster({
    masters: ['master-1', 'master-2'],
    master: { heartbeatIntervalMs: 500, memberTtlMs: 2_500, lossesMax: 1_000, stateHashEveryEvents: 1 },
    worker: { heartbeatIntervalMs: 500, slots: 6 },
  });
  ledger = join(cluster.folder, 'ledger');
});

afterAll(() => cluster.remove());

test(
  'runs end well and sound whatever is killed or frozen meanwhile',
  async () => {
    onTestFailed(() => console.error(cluster.log()));
    const random = seededRandom('chaos');
    const definition = workflowOf(randomTasks(random));
    await cluster.client.register(definition);
    const runs: InstanceId[] = [];
    const endAt = performance.now() + chaosMs;

    const harm = Promise.all(victims.map((victim) => harmUntil(endAt, victim, random)));
    harm.catch(() => {}); // Awaited below.
    while (performance.now() < endAt) {
      runs.push((await cluster.client.submit(definition.name, { key: `run ${runs.length}` })).instance);
      await sleep(random.between(500, 2_000));
    }
    await harm;
    const asked = await liveStates(runs);
    let toldCount = 0;

    for (const run of runs) {
      expect((await cluster.client.whenEnded(run, 90_000)).run.status).toBe('succeeded');
      const history = await cluster.client.soundHistory(definition, run);
      const told = [...asked, ...toldStates(cluster.log())].filter(({ instanceId }) => instanceId === run);
      const replayed = replayOf(definition, history);
      expect(unlikeStates(replayed, told)).toEqual([]);
      expect(untrueFacts(replayed)).toEqual([]);
      toldCount += new Set(told.map(({ streamRevision }) => streamRevision)).size;
      expect(disagreements(readLedger(ledger), history, { lateStartsOfGivenUp: true })).toEqual([]);
    }
    // Every append of every owner was told; some hold several events.
    expect(toldCount).toBeGreaterThan(runs.length * 20);
    console.info(`${runs.length} runs, ${readLedger(ledger).length} attempts, ${toldCount} states compared`);
  },
  chaosMs * 3 + 180_000,
);

/** As their owners have them now; a run that nobody owns at the moment has none. */
async function liveStates(runs: readonly InstanceId[]): Promise<ToldState[]> {
  const asked = runs.map((instance) => cluster.client.ask(subjects.query('state'), { instance }));
  const states = (await Promise.allSettled(asked)).flatMap((answer) => {
    if (answer.status === 'rejected') return [];
    const { instance, revision, epoch, stateHash } = stateReplySchema.parse(answer.value);
    return [{ instanceId: instance, streamRevision: revision, epoch, stateHash }];
  });
  expect(states.length).toBeGreaterThan(0);
  return states;
}

async function harmUntil(endAt: number, victim: string, random: SeededRandom): Promise<void> {
  await sleep(random.between(0, 4_000));
  while (performance.now() < endAt) {
    if (victim === 'nats') cluster.killNats();
    else if (random.chance(0.5)) await freeze(victim, random.between(200, 6_000));
    else {
      await cluster.process(victim).end('SIGKILL');
      await sleep(random.between(0, 1_500));
      await cluster.start(victim);
    }
    await sleep(random.between(2_000, 8_000));
  }
}

async function freeze(victim: string, forMs: number): Promise<void> {
  const { pid } = cluster.process(victim);
  kill(pid, 'SIGSTOP');
  await sleep(forMs);
  kill(pid, 'SIGCONT');
}

function randomTasks(random: SeededRandom): TaskDefinition[] {
  const tasks: TaskDefinition[] = [];
  for (let number = 0; number < 30; number += 1) {
    const before = tasks.slice(-8).map(({ name }) => name);
    const needs = before.length === 0 ? [] : [...new Set([random.pick(before), random.pick(before)])];
    const name = `t${number}`;
    if (random.chance(0.3)) tasks.push(shellTask(name, { ledger, needs, command: 'sleep 0.2' }));
    else tasks.push(scriptTask(name, { ledger, needs, afterMs: random.chance(0.5) ? 0 : random.integer(1, 400) }));
  }
  return tasks;
}
