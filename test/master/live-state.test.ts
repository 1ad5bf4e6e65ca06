/** The state that an owner decides with is the one that a replay finds at that revision (I5), and nothing is written by it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { type StateReply, stateReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { clientSource } from '../../src/cli/run-histories.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { loadHistory } from '../../src/replay/run-history.ts';
import { stateHashOf } from '../../src/replay/state-hash.ts';
import { whatIf } from '../../src/replay/what-if.ts';
import { chainOf, fanOutOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
});

afterEach(() => cluster.stop());

const stateOf = async (instance: InstanceId): Promise<StateReply> =>
  stateReplySchema.parse(await cluster.ask(subjects.query('state'), { instance }));

async function replayed(instance: InstanceId): Promise<ReplayedRun> {
  const source = clientSource({
    events: async (query) => (await cluster.ask(subjects.query('events'), query)) as never,
    definition: async (name, version) => (await cluster.ask(subjects.query('definition'), { name, version })) as never,
  });
  return new ReplayedRun(await loadHistory(source, instance));
}

function hashAt(run: ReplayedRun, revision: number): string {
  const { actor, snapshot } = run.at(revision);
  return stateHashOf(actor.store(snapshot));
}

test('every state of a live run has the hash that a replay finds at its revision, under each of its owners', async () => {
  await cluster.register(fanOutOf(6));
  const { instance } = await cluster.submit('tested');
  const seen = [await stateOf(instance)];
  await cluster.startWorker('w1', { slots: 1 });
  await cluster.startMaster('m2');
  cluster.kill('m1');
  let hasEnded = false;
  const ended = cluster.whenEnded(instance).finally(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    const state = await stateOf(instance).catch(() => undefined);
    if (state !== undefined) seen.push(state);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  seen.push(await stateOf(instance));
  const run = await replayed(instance);
  for (const { revision, stateHash, epoch } of seen) {
    expect(hashAt(run, revision), `at ${revision}`).toBe(stateHash);
    expect(run.at(revision).snapshot.context.epoch).toBe(epoch);
  }
  expect(new Set(seen.filter(({ isLive }) => isLive).map(({ epoch }) => epoch)).size).toBeGreaterThan(1);
  expect(new Set(seen.map(({ revision }) => revision)).size).toBeGreaterThan(3);
});

test('a what-if of a live run leaves the run and its stream as they are', async () => {
  await cluster.register(chainOf(3));
  const { instance } = await cluster.submit('tested');
  const before = await stateOf(instance);
  const run = await replayed(instance);
  const definition = { ...run.plan.definition, failurePolicy: 'end' as const };
  expect(whatIf(run.history, { definition }).changed.broken).toBeUndefined();
  expect(await stateOf(instance)).toEqual(before);
});
