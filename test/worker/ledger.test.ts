import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attemptIdSchema, instanceIdSchema, masterIdSchema, taskNameSchema } from '../../schemas/ids.ts';
import { offerSchema } from '../../schemas/messages/attempt.messages.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { AttemptRow, InstanceRow, Ledger } from '../../src/worker/ledger.port.ts';
import { createMemoryLedger } from '../../src/worker/memory-ledger.adapter.ts';
import { createSqliteLedger } from '../../src/worker/sqlite-ledger.adapter.ts';
import { testIds } from './stepped-clock.ts';

let folder: string;
let ledger: Ledger;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-test-'));
});
afterEach(() => {
  ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

const openSqlite = () => createSqliteLedger({ path: join(folder, 'sub', 'worker.db') });

function attemptRow(overrides: Partial<AttemptRow> = {}): AttemptRow {
  return {
    attemptId: attemptIdSchema.parse(testIds.uuid()),
    instance: instanceIdSchema.parse(testIds.uuid()),
    task: taskNameSchema.parse('step'),
    state: 'running',
    offer: undefined,
    process: undefined,
    startedAt: 5,
    endedAt: undefined,
    sequence: 0,
    reportText: undefined,
    hasFolder: false,
    logSizeBytes: 0,
    ...overrides,
  };
}

function instanceRow(overrides: Partial<InstanceRow> = {}): InstanceRow {
  const instance = instanceIdSchema.parse(testIds.uuid());
  return { instance, epoch: 1, owner: masterIdSchema.parse('m1'), ownerHost: 'h1', touchedAt: 10, ...overrides };
}

const put = (...attempts: AttemptRow[]) => ledger.commit({ attempts, settled: [], instances: [] });

describe.each([
  ['memory', createMemoryLedger],
  ['sqlite', openSqlite],
])('a ledger in %s', (_name, open) => {
  beforeEach(() => {
    ledger = open();
  });

  it('gives back what was committed', () => {
    const offer = offerSchema.parse({
      instance: testIds.uuid(),
      workflow: 'flow',
      epoch: 1,
      master: 'm1',
      host: 'h1',
      task: 'step',
      attemptId: testIds.uuid(),
      attempt: 1,
      workerIncarnation: testIds.uuid(),
      settings: { type: 'wait', durationMs: 5 },
      env: { A: 'ü' },
      inputs: { params: { a: [1, null] }, needs: {} },
    });
    const row = attemptRow({ offer, process: { pid: 7, startMark: 'boot:9' }, hasFolder: true, logSizeBytes: 3 });
    put(row);
    expect(ledger.findAttempt(row.attemptId)).toEqual(row);
    const instance = instanceRow({ epoch: 3 });
    ledger.commit({ attempts: [], settled: [], instances: [instance] });
    expect(ledger.findInstance(instance.instance)).toEqual(instance);
  });

  it('lists attempts that have not ended or whose report is not acked, oldest first', () => {
    const [running, ended, settled, revoked] = [
      attemptRow(),
      attemptRow({ state: 'ended', endedAt: 6, reportText: '{}' }),
      attemptRow({ state: 'ended', endedAt: 6, reportText: '{}' }),
      attemptRow({ state: 'revoked', endedAt: 6, task: undefined }),
    ] as const;
    put(running, ended, settled, revoked);
    ledger.commit({ attempts: [], settled: [settled.attemptId], instances: [] });
    expect(ledger.unsettled().map((row) => row.attemptId)).toEqual([running.attemptId, ended.attemptId]);
    expect(ledger.findAttempt(settled.attemptId)).toMatchObject({ state: 'ended', reportText: undefined });
  });

  it('forgets settled attempts after their time, past one that runs for ever', () => {
    const running = attemptRow();
    const old = attemptRow({ state: 'ended', endedAt: 100 });
    const unacked = attemptRow({ state: 'ended', endedAt: 100, reportText: '{}' });
    const young = attemptRow({ state: 'ended', endedAt: 300 });
    put(running, old, unacked, young);
    const expired = ledger.expired(200);
    expect(expired.map((row) => row.attemptId)).toEqual([old.attemptId]);
    ledger.forgetAttempts([old.attemptId]);
    expect(ledger.findAttempt(old.attemptId)).toBeUndefined();
    expect(ledger.expired(400).map((row) => row.attemptId)).toEqual([young.attemptId]);
  });

  it('forgets instances that were not touched, except those to be kept', () => {
    const [old, kept, young] = [instanceRow(), instanceRow(), instanceRow({ touchedAt: 50 })] as const;
    ledger.commit({ attempts: [], settled: [], instances: [old, kept, young] });
    ledger.forgetInstances(20, (id) => id === kept.instance);
    expect(ledger.findInstance(old.instance)).toBeUndefined();
    expect(ledger.findInstance(kept.instance)).toMatchObject({ epoch: 1 });
    expect(ledger.findInstance(young.instance)).toEqual(young);
  });
});

describe('a ledger in sqlite', () => {
  it('is found again after it was closed', () => {
    ledger = openSqlite();
    const row = attemptRow({ sequence: 2, reportText: '{"a":1}' });
    put(row);
    ledger.close();
    ledger = openSqlite();
    expect(ledger.unsettled()).toEqual([row]);
  });

  it('is locked for other workers', () => {
    ledger = openSqlite();
    expect(openSqlite).toThrowError(AppError);
    expect(openSqlite).toThrowError(/expected to be alone/);
  });

  it('keeps nothing of a commit that fails', () => {
    ledger = openSqlite();
    const good = attemptRow();
    const bad = attemptRow({ sequence: null as unknown as number });
    expect(() => put(good, bad)).toThrow();
    expect(ledger.findAttempt(good.attemptId)).toBeUndefined();
    put(good);
    expect(ledger.findAttempt(good.attemptId)).toEqual(good);
  });
});
