/** Thousands of submissions by clients that die, to a master that dies: each key makes one run, for ever. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Receipt, receiptSchema, runsReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { eventually } from '../kit/eventually.ts';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { type SeededRandom, seededRandom } from '../kit/seeded-random.ts';

const submissionCount = 5_000;
const repeatedShare = 0.3;
const clientCount = 3;
const clientKillCount = 3;
/** It takes 15 s on two idle cores. */
const testTimeoutMs = 180_000;
const clientProgram = fileURLToPath(new URL('submitting-client.mjs', import.meta.url));

let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await startProcessCluster({ workers: ['worker-1'], worker: { slots: 64 } });
});

afterAll(() => cluster.remove());

test(
  'each key makes exactly one run, whoever dies on the way',
  async () => {
    const random = seededRandom('submissions');
    const definition = workflowOf([taskOf('only')]);
    await cluster.client.register(definition);
    const keys = keysOf(random);
    const unique = new Set(keys);
    const startedAt = performance.now();

    const clients = Array.from({ length: clientCount }, (_, client) => client);
    await Promise.all([
      ...clients.map((client) => submitAll(client, keys, random)),
      restartMasterAfter(submissionCount * 0.25, 'SIGTERM'),
      restartMasterAfter(submissionCount * 0.6, 'SIGKILL'),
    ]);
    const submittedMs = performance.now() - startedAt;
    const receipts = clients.flatMap(receiptsOf);
    expect(receipts).toHaveLength(submissionCount);
    expectOneReceiptPerKey(receipts);

    await eventually('all runs have ended', async () => {
      const reply = await cluster.client.ask(subjects.query('runs'), { status: 'running', limit: 1 });
      return runsReplySchema.parse(reply).runs.length === 0 ? true : undefined;
    });
    const endedMs = performance.now() - startedAt;
    await expectRuns(unique, receipts);
    const perSecond = Math.round(submissionCount / (submittedMs / 1_000));
    console.info(
      `${submissionCount} receipts in ${Math.round(submittedMs)} ms (${perSecond}/s), ended ${Math.round(endedMs)}`,
    );
  },
  testTimeoutMs,
);

/** Of all submissions, a share repeats a key that stands before it. */
function keysOf(random: SeededRandom): string[] {
  const keys: string[] = [];
  for (let index = 0; index < submissionCount; index += 1) {
    const isRepeated = index > 0 && random.chance(repeatedShare);
    keys.push(isRepeated ? random.pick(keys) : `order ${index}`);
  }
  return keys;
}

/** One client's share, by a process that is killed a few times. */
async function submitAll(client: number, keys: readonly string[], random: SeededRandom): Promise<void> {
  writeFileSync(keyFile(client), keys.filter((_, index) => index % clientCount === client).join('\n'));
  for (let kill = 0; kill < clientKillCount; kill += 1) {
    const life = startClient(client);
    await Promise.race([life.ended, sleep(random.between(200, 1_500))]);
    life.child.kill('SIGKILL');
    await life.ended;
  }
  expect(await startClient(client).ended).toBe(0);
}

function startClient(client: number): { child: ChildProcess; ended: Promise<number | null> } {
  const args = [clientProgram, cluster.natsUrl, 'tested', keyFile(client), receiptFile(client)];
  const child = spawn(process.execPath, args, { cwd: cluster.folder, stdio: ['ignore', 'inherit', 'inherit'] });
  return { child, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
}

async function restartMasterAfter(receiptCount: number, signal: NodeJS.Signals): Promise<void> {
  const look = () => {
    const counts = Array.from({ length: clientCount }, (_, client) => receiptLines(client).length);
    return counts.reduce((sum, next) => sum + next, 0) >= receiptCount ? true : undefined;
  };
  await eventually(`${receiptCount} receipts are there`, look, testTimeoutMs);
  await cluster.process('master-1').end(signal);
  await cluster.start('master-1');
}

function expectOneReceiptPerKey(receipts: readonly Receipt[]): void {
  const first = new Map<string, Receipt>();
  let madeCount = 0;
  for (const receipt of receipts) {
    const { key, duplicate } = receipt;
    if (!duplicate) madeCount += 1;
    const known = first.get(key) ?? receipt;
    first.set(key, known);
    expect({ ...receipt, duplicate: true }).toEqual({ ...known, duplicate: true });
  }
  const instances = new Set([...first.values()].map(({ instance }) => instance));
  expect(instances.size).toBe(first.size);
  // A receipt that says "made" may have been lost with its client; none is given twice.
  expect(madeCount).toBeLessThanOrEqual(first.size);
}

/** The store has the runs of the receipts and no others, each once, and each ended well. */
async function expectRuns(unique: ReadonlySet<string>, receipts: readonly Receipt[]): Promise<void> {
  const submitted = new Map<string, unknown>();
  const succeeded = new Set<string>();
  for await (const { stream, revision, type, data } of cluster.client.everything()) {
    if (type === 'WorkflowSucceeded') succeeded.add(stream);
    if (type !== 'WorkflowSubmitted') continue;
    expect(revision).toBe(0);
    expect(submitted.has(stream)).toBe(false);
    submitted.set(stream, data.key);
  }
  expect(submitted.size).toBe(unique.size);
  expect(succeeded.size).toBe(unique.size);
  expect(new Set(submitted.values())).toEqual(unique);
  for (const { instance, key } of receipts) expect(submitted.get(`workflowInstance-${instance}`)).toBe(key);
}

function receiptsOf(client: number): Receipt[] {
  return receiptLines(client).map((line) => receiptSchema.parse(JSON.parse(line.slice(line.indexOf(' ')))));
}

function receiptLines(client: number): string[] {
  const file = receiptFile(client);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

function keyFile(client: number): string {
  return join(cluster.folder, `keys-${client}`);
}

function receiptFile(client: number): string {
  return join(cluster.folder, `receipts-${client}`);
}
