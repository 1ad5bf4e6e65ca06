import { describe, expect, test } from 'vitest';
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { type Certificate, certificateSchema } from '../../schemas/messages/certificate.messages.ts';
import { CertificationSum } from '../../src/certify/certification.ts';
import { Certifier } from '../../src/certify/certifier.ts';
import { createJournalCertifier } from '../../src/certify/journal-certifier.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { attemptIdOf, lossReason } from '../actors/run-events.ts';
import { certifiedDefinition, certifiedHistory, certifiedId, withStaleWrite } from '../kit/certified-runs.ts';
import { diamondOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

const history = certifiedHistory('k');

async function* streamOf(events: readonly HistoryEvent[]): AsyncGenerator<HistoryEvent> {
  yield* events;
}

function certify(
  events: readonly HistoryEvent[],
  definition: WorkflowDefinition = certifiedDefinition,
  id: InstanceId = certifiedId('k'),
): Promise<Certificate> {
  return new Certifier(async () => definition).certify(id, streamOf(events));
}

const brokenOf = ({ invariants }: Certificate) => invariants.filter(({ holds }) => !holds).map(({ id }) => id);

describe('the certificate of a sound run', () => {
  test('holds, fits its schema, and names the owners with claim, reason, evidence and writes', async () => {
    const certificate = certificateSchema.parse(await certify(history));
    expect(certificate).toMatchObject({ holds: true, status: 'succeeded', eventCount: 12, staleWrites: [] });
    expect(certificate.owners).toMatchObject([
      {
        epoch: 1,
        claimRevision: 1,
        reason: 'created',
        first: { revision: 1 },
        last: { revision: 4, type: 'TaskStarted' },
      },
      {
        epoch: 2,
        claimRevision: 2,
        reason: 'masterLost',
        evidence: expect.stringContaining('last heartbeat'),
        first: { revision: 5 },
        last: { revision: 11 },
      },
    ]);
  });

  test('tells the life of each attempt: where, why, and what became of it', async () => {
    const [lost, second, third] = (await certify(history)).attempts;
    expect(lost).toMatchObject({
      task: 'a',
      attempt: 1,
      attemptId: attemptIdOf(1),
      worker: 'worker-1',
      why: { balancer: 'leastBusyOfTwo', candidateCount: 1 },
    });
    expect(lost?.life.map(({ type }) => type)).toEqual(['TaskAssigned', 'TaskAccepted', 'TaskStarted', 'TaskLost']);
    expect(lost?.life.at(-1)?.reason).toEqual(lossReason);
    expect([second?.attempt, third?.task]).toEqual([2, 'b']);
  });

  test('holds also while the run is under way', async () => {
    for (let length = 1; length < history.length; length += 1) {
      expect((await certify(history.slice(0, length))).holds, `after ${length} events`).toBe(true);
    }
  });
});

describe('the certificate of a broken run names', () => {
  test('I1 and the stale write', async () => {
    const certificate = await certify(withStaleWrite(history));
    expect(brokenOf(certificate)).toEqual(['I1']);
    expect(certificate.staleWrites).toMatchObject([{ revision: 8, type: 'TaskSucceeded', epoch: 1, currentEpoch: 2 }]);
  });

  test('I3 when the stream is not the one that the key names', async () => {
    expect(brokenOf(await certify(history, certifiedDefinition, certifiedId('another')))).toEqual(['I3']);
  });

  test('I4 when a result counts twice', async () => {
    const again = history
      .toSpliced(9, 0, history[8] as HistoryEvent as never)
      .map((event, revision) => ({ ...event, revision }));
    expect(brokenOf(await certify(again))).toContain('I4');
  });

  test('I5 when the definition is not the one that the run pins', async () => {
    expect(brokenOf(await certify(history, diamondOf()))).toContain('I5');
  });

  test('I5 when the stream does not begin with a submission, without a status', async () => {
    const certificate = await certify(history.slice(1));
    expect(brokenOf(certificate)).toEqual(['I5', 'J4']);
    expect(certificate).not.toHaveProperty('status');
    expect(certificate).not.toHaveProperty('definition');
  });

  test('J4 when a revision is missing', async () => {
    expect(brokenOf(await certify(history.toSpliced(3, 1)))).toEqual(['J4']);
  });
});

test('a run without a stream has no certificate', async () => {
  await expect(certify([])).rejects.toThrow(AppError);
});

test('a definition that could not be found is looked for again with the next run', async () => {
  let isThere = false;
  const certifier = new Certifier(async () => {
    if (!isThere) throw new AppError('WORKFLOW_NOT_FOUND', 'not yet');
    return certifiedDefinition;
  });
  await expect(certifier.certify(certifiedId('k'), streamOf(history))).rejects.toThrow('not yet');
  isThere = true;
  expect((await certifier.certify(certifiedId('k'), streamOf(history))).holds).toBe(true);
});

test('a sum counts runs, owners, takeovers, lost attempts and violations, and keeps what is broken', async () => {
  const sum = new CertificationSum();
  sum.add(await certify(history));
  sum.add(await certify(withStaleWrite(history)));
  expect(sum.result(2_000)).toMatchObject({
    holds: false,
    runCount: 2,
    eventCount: 24,
    eventsPerSecond: 12,
    ownerCount: 4,
    takeoverCount: 2,
    attemptCount: 6,
    lostAttemptCount: 2,
    violationCount: 1,
    broken: [{ instance: certifiedId('k') }],
  });
});

test('a run of a cluster is certified from its journal', async () => {
  const cluster = await MemoryCluster.create();
  try {
    await cluster.startMaster('m1');
    await cluster.startWorker('w1');
    await cluster.register(diamondOf());
    const { instance } = await cluster.submit('tested');
    await cluster.whenEnded(instance);
    const certificate = await createJournalCertifier(cluster.store.connect()).certify(instance);
    expect(brokenOf(certificate)).toEqual([]);
    expect(certificate).toMatchObject({ holds: true, status: 'succeeded', owners: [{ master: 'm1' }] });
  } finally {
    await cluster.stop();
  }
});
