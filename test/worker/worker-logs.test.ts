import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { AttemptContext, TaskType } from '../../src/tasks/task-type.port.ts';
import { readLogPage } from '../../src/worker/log-page.ts';
import { testIds } from './stepped-clock.ts';
import { type Harness, settle, startHarness, workerId } from './worker-harness.ts';

describe('a page of output', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-test-'));
    path = join(folder, 'output.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([1, 2, 3, 4, 5, 7, 100])('of at most %i bytes never splits a character', async (limitBytes) => {
    const text = 'aäß€😀\n日本語 plain 😀€';
    writeFileSync(path, text);
    const pages: string[] = [];
    for (let offset = 0; ; ) {
      const page = await readLogPage({ path, offset, limitBytes, hasEnded: true });
      pages.push(page.text);
      offset = page.nextOffset;
      if (page.isAtEndOfFile) break;
    }
    expect(pages.join('')).toBe(text);
    expect(pages.join('')).not.toContain('\ufffd');
  });

  it('holds back the first part of a character until the rest has come', async () => {
    const bytes = Buffer.from('a€');
    writeFileSync(path, bytes.subarray(0, 2));
    const query = { path, offset: 0, limitBytes: 10 };
    expect(await readLogPage({ ...query, hasEnded: false })).toMatchObject({ text: 'a', nextOffset: 1 });
    expect(await readLogPage({ ...query, hasEnded: true })).toMatchObject({ nextOffset: 2, isAtEndOfFile: true });
    writeFileSync(path, bytes);
    expect(await readLogPage({ ...query, offset: 1, hasEnded: false })).toMatchObject({ text: '€', nextOffset: 4 });
  });

  it('of bytes that are no text still makes progress', async () => {
    writeFileSync(path, Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80, 0xe2, 0x41, 0xf0]));
    let offset = 0;
    for (let pages = 0; pages < 20 && offset < 8; pages += 1) {
      offset = (await readLogPage({ path, offset, limitBytes: 2, hasEnded: true })).nextOffset;
    }
    expect(offset).toBe(8);
  });
});

describe('the logs subject', () => {
  let harness: Harness;
  let contexts: AttemptContext[];
  const talker: TaskType = {
    type: 'wait',
    hasOutsideEffects: () => false,
    start: (context) => {
      contexts.push(context);
      return { cancel: () => context.ended({ kind: 'cancelled' }) };
    },
  };
  const startTalking = async (logSizeBytesMax = 1_000): Promise<{ offer: Offer; context: AttemptContext }> => {
    contexts = [];
    harness = await startHarness({ taskTypes: [talker], worker: { logSizeBytesMax } });
    const offer = harness.offer({ settings: { type: 'wait' } });
    await harness.give(offer);
    return { offer, context: contexts[0] as AttemptContext };
  };
  const ask = ({ instance, attemptId }: Offer, query: object = {}) =>
    harness.master.ask(subjects.worker.logs(workerId), { instance, attemptId, ...query });
  /** Reading is real I/O: it ends by itself, not by a number of turns. */
  const isPending = async (answer: Promise<unknown>) => {
    const patience = new Promise((resolve) => setTimeout(() => resolve('pending'), 50));
    return (await Promise.race([answer, patience])) === 'pending';
  };
  afterEach(() => harness.close());

  it('answers what was written so far, and the end', async () => {
    const { offer, context } = await startTalking();
    expect(await ask(offer)).toEqual({ attemptId: offer.attemptId, text: '', nextOffset: 0, end: false });
    context.writeLog(Buffer.from('one\n'));
    expect(await ask(offer)).toMatchObject({ text: 'one\n', nextOffset: 4, end: false });
    context.writeLog(Buffer.from('two\n'));
    context.ended({ kind: 'succeeded', outputs: {} });
    await settle();
    expect(await ask(offer, { offset: 4 })).toMatchObject({ text: 'two\n', nextOffset: 8, end: true });
  });

  it('waits for more output', async () => {
    const { offer, context } = await startTalking();
    const answer = ask(offer, { waitMs: 30_000 });
    expect(await isPending(answer)).toBe(true);
    context.writeLog(Buffer.from('news'));
    expect(await answer).toMatchObject({ text: 'news', end: false });
  });

  it('stops waiting at the end of the attempt', async () => {
    const { offer, context } = await startTalking();
    const answer = ask(offer, { waitMs: 30_000 });
    expect(await isPending(answer)).toBe(true);
    context.ended({ kind: 'succeeded', outputs: {} });
    expect(await answer).toMatchObject({ text: '', end: true });
  });

  it('stops waiting when the time is over', async () => {
    const { offer } = await startTalking();
    const answer = ask(offer, { waitMs: 5_000 });
    expect(await isPending(answer)).toBe(true);
    harness.clock.advance(5_000);
    expect(await answer).toMatchObject({ text: '', end: false });
  });

  it('shows a note where output was cut', async () => {
    const { offer, context } = await startTalking(10);
    context.writeLog(Buffer.from('0123456'));
    context.writeLog(Buffer.from('789abc'));
    context.writeLog(Buffer.from('never'));
    const answer = (await ask(offer)) as { text: string };
    expect(answer.text).toBe('0123456789\n[millrace: output exceeds 10 bytes; the rest is dropped]\n');
  });

  it('answers for attempts of an earlier life', async () => {
    const { offer, context } = await startTalking();
    context.writeLog(Buffer.from('before the crash'));
    await settle();
    await harness.restart();
    expect(await ask(offer)).toMatchObject({ text: 'before the crash', end: true });
  });

  it('refuses attempts that it does not know', async () => {
    const { offer } = await startTalking();
    const other = { ...offer, instance: testIds.uuid() } as Offer;
    expect(await ask(other)).toMatchObject({ error: { code: 'LOG_NOT_FOUND' } });
  });
});
