import { describe, expect, test } from 'vitest';
import { certificateSchema, certificationSchema } from '../../schemas/messages/certificate.messages.ts';
import { eventViewSchema } from '../../schemas/messages/client.messages.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { certifiedDefinition, certifiedHistory, certifiedId, withStaleWrite } from '../kit/certified-runs.ts';
import type { Recorded } from '../kit/recorded.ts';
import { type BoxOptions, createCommandLine, expectGolden } from './command-line.ts';
import { runId, sampleRun, startedAt } from './sample-runs.ts';

type Submitted = { key: string; history?: Recorded[]; submittedAt?: number };

function boxOf(runs: readonly Submitted[], options: BoxOptions = {}) {
  const box = createCommandLine(options);
  const { name } = certifiedDefinition;
  const reply = { name, version: 1, digest: digestOf(certifiedDefinition), definition: certifiedDefinition };
  box.master.definitionReplies.push(reply);
  for (const { key, history = certifiedHistory(key), submittedAt = startedAt } of runs) {
    const events = history.map((event) => eventViewSchema.parse({ ...event, id: `event-${event.revision}` }));
    const run = sampleRun('succeeded', events, certifiedId(key));
    box.master.runs.push({ ...run, run: { ...run.run, workflow: name, submittedAt } });
  }
  return box;
}

describe('certify one run', () => {
  test('prints the verdict, the owners, the attempts and each invariant, and ends with 0', async () => {
    const box = boxOf([{ key: 'k' }]);
    expect(await box.run('certify', certifiedId('k'))).toBe(0);
    expectGolden('certify', box.stdout());
  });

  test('names each breach with its revision, and ends with 1', async () => {
    const box = boxOf([{ key: 'k', history: withStaleWrite(certifiedHistory('k')) }]);
    expect(await box.run('certify', certifiedId('k'))).toBe(1);
    expectGolden('certify-broken', box.stdout());
  });

  test('prints one document with --json', async () => {
    const box = boxOf([{ key: 'k' }]);
    expect(await box.run('certify', certifiedId('k'), '--json')).toBe(0);
    expect(certificateSchema.parse(box.json())).toMatchObject({ holds: true, instance: certifiedId('k') });
  });

  test('ends with 66 when there is no such run', async () => {
    const box = boxOf([]);
    expect(await box.run('certify', runId)).toBe(66);
    expect(box.stderr()).toContain('INSTANCE_NOT_FOUND');
  });

  test('ends with 66 when the definition is gone', async () => {
    const box = boxOf([{ key: 'k' }]);
    box.master.definitionReplies.length = 0;
    expect(await box.run('certify', certifiedId('k'))).toBe(66);
  });

  test.each([[[]], [['abcd', '--all']], [['abcd', '--since', '7d']]])('%j is wrong usage', async (args) => {
    expect(await boxOf([]).run('certify', ...args)).toBe(64);
  });
});

describe('certify all runs', () => {
  const many = Array.from({ length: 30 }, (_, index) => ({ key: `k${index}` }));

  test('sums up, and ends with 0 when all hold', async () => {
    const box = boxOf(many);
    expect(await box.run('certify', '--all')).toBe(0);
    expectGolden('certify-all', box.stdout());
  });

  test('names every broken run and every unread one, and ends with 1', async () => {
    const box = boxOf([...many, { key: 'x', history: withStaleWrite(certifiedHistory('x')) }]);
    box.master.runs.push(sampleRun('running', [], runId));
    box.master.script.set('millrace.v1.query.events', [
      { code: 'INSTANCE_NOT_FOUND', message: 'There is no such stream.' },
    ]);
    expect(await box.run('certify', '--all')).toBe(1);
    expectGolden('certify-all-broken', box.stdout());
  });

  test('prints one document with --json, with the certificate of what is broken', async () => {
    const box = boxOf([...many, { key: 'x', history: withStaleWrite(certifiedHistory('x')) }]);
    expect(await box.run('certify', '--all', '--json')).toBe(1);
    const certification = certificationSchema.parse(box.json());
    expect(certification).toMatchObject({ holds: false, runCount: 31, takeoverCount: 31, lostAttemptCount: 31 });
    expect(certification.broken.map(({ instance }) => instance)).toEqual([certifiedId('x')]);
  });

  test('looks at runs of one workflow and of a time only', async () => {
    const old = { key: 'old', submittedAt: startedAt - 8 * 86_400_000 };
    const box = boxOf([...many, old]);
    expect(await box.run('certify', '--all', '--since', '7d', '--workflow', 'tested', '--json')).toBe(0);
    expect(certificationSchema.parse(box.json()).runCount).toBe(30);
    expect(box.master.requests[0]?.body).toMatchObject({ workflow: 'tested' });
  });

  test('asks for each definition once', async () => {
    const box = boxOf(many);
    await box.run('certify', '--all');
    const asked = box.master.requests.filter(({ subject }) => subject === 'millrace.v1.query.definition');
    expect(asked).toHaveLength(1);
  });

  test('shows on a terminal how far it is', async () => {
    const box = boxOf(many, { isTty: true });
    await box.run('certify', '--all');
    expect(box.stdout()).toContain('30 runs checked, 360 events');
  });
});
