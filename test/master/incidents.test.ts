/** Histories that break an invariant, taken over by a master: it says so, and the run goes on. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Journal } from '../../src/journal/journal.port.ts';
import { certifiedHistory, certifiedId, withStaleWrite } from '../kit/certified-runs.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import type { Recorded } from '../kit/recorded.ts';
import { writeRun } from '../kit/written-runs.ts';

let cluster: MemoryCluster;
let journal: Journal;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  journal = cluster.store.connect();
});

afterEach(() => cluster.stop());

/** Up to the first result: what follows is left to the master that takes the run over. */
const writeUnfinished = (history: readonly Recorded[]) => writeRun(journal, certifiedId('k'), history.slice(0, 9));

async function incidentCount(): Promise<number | undefined> {
  const { members } = clusterReplySchema.parse(await cluster.ask(subjects.query('cluster'), {}));
  return members.find((member) => member.kind === 'master')?.incidentCount;
}

test('a stale write in a run that is taken over is an incident, and the run goes on', async () => {
  await writeUnfinished(withStaleWrite(certifiedHistory('k')));
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  expect((await cluster.whenEnded(certifiedId('k'))).run.status).toBe('succeeded');
  await expect.poll(incidentCount).toBe(1);
});

test('a sound run that is taken over is none', async () => {
  await writeUnfinished(certifiedHistory('k'));
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
  expect((await cluster.whenEnded(certifiedId('k'))).run.status).toBe('succeeded');
  await expect.poll(incidentCount).toBe(0);
});
