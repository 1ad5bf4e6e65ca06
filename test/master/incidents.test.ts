/** Histories that break an invariant, taken over by a master: it says so, and the run goes on. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { EventId } from '../../schemas/ids.ts';
import { clusterReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { definitionStream, instanceStream } from '../../src/journal/codec.ts';
import type { Journal, NewEvent } from '../../src/journal/journal.port.ts';
import { certifiedDefinition, certifiedHistory, certifiedId, withStaleWrite } from '../kit/certified-runs.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';
import type { Recorded } from '../kit/recorded.ts';

let cluster: MemoryCluster;
let journal: Journal;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  journal = cluster.store.connect();
});

afterEach(() => cluster.stop());

const newEvent = ({ type, data, metadata }: Pick<Recorded, 'type' | 'data' | 'metadata'>): NewEvent => ({
  id: randomUUID() as EventId,
  type,
  data: data as object,
  metadata,
});

/** Up to the first result: what follows is left to the master that takes the run over. */
async function writeUnfinished(history: readonly Recorded[]): Promise<void> {
  const data = { version: 1, digest: digestOf(certifiedDefinition), definition: certifiedDefinition, registeredAt: 1 };
  const metadata = { ...(history[0]?.metadata as EventMetadata), epoch: 0 };
  const registered = { ...newEvent({ type: 'WorkflowSubmitted', data, metadata }), type: 'DefinitionRegistered' };
  await journal.append(definitionStream(certifiedDefinition.name), 'none', [registered]);
  await journal.append(instanceStream(certifiedId('k')), 'none', history.slice(0, 9).map(newEvent));
}

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
