/** Why a task is where it is, asked of a master: now, and as it was. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { whyReplySchema } from '../../schemas/messages/explanation.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { chainOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
});

afterEach(() => cluster.stop());

const ask = async (question: object) => whyReplySchema.parse(await cluster.ask(subjects.query('why'), question));

test('a run that goes on is explained from memory', async () => {
  await cluster.register(chainOf(2));
  const { instance } = await cluster.submit('tested');
  const reply = await ask({ instance, task: 't1' });
  expect(reply).toMatchObject({ status: 'waiting', runStatus: 'active', sentence: 't1 waits for t0 (ready)' });
});

test('an ended run is explained as it was at each revision, and after the last one', async () => {
  await cluster.startWorker('w1');
  await cluster.register(chainOf(2));
  const { instance } = await cluster.submit('tested');
  const { revision } = await cluster.whenEnded(instance);
  const asked = await ask({ instance, task: 't1', at: 1 });
  expect(asked).toMatchObject({ revision: 1, sentence: 't1 waits for t0 (ready)' });
  expect(await ask({ instance, task: 't1', at: revision + 100 })).toMatchObject({ revision, status: 'succeeded' });
  expect(await ask({ instance, task: 't1' })).toMatchObject({ revision, runStatus: 'succeeded', status: 'succeeded' });
});

test('a task, run or revision that cannot be is refused', async () => {
  await cluster.register(chainOf(2));
  const { instance } = await cluster.submit('tested');
  const refusal = (question: object) => cluster.ask(subjects.query('why'), question);
  expect(await refusal({ instance, task: 'other' })).toMatchObject({ code: 'ATTEMPT_NOT_FOUND' });
  expect(await refusal({ instance, task: 't1', at: -1 })).toMatchObject({ code: 'BAD_REQUEST' });
  const unknown = '0193a4c2-1111-7aaa-8aaa-000000000000';
  expect(await refusal({ instance: unknown, task: 't1' })).toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
  expect(await refusal({ instance: unknown, task: 't1', at: 3 })).toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
});
