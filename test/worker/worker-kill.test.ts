import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { eventually } from '../kit/eventually.ts';
import { processesIn } from '../kit/processes.ts';
import { isThere, type MortalLives, newMortalLives, whenReported } from './mortal-lives.ts';
import { type Harness, scripted, settle, workerId } from './worker-harness.ts';

let lives: MortalLives;
beforeEach(() => {
  lives = newMortalLives();
});
afterEach(async () => {
  await lives.remove();
  expect(processesIn(lives.dataDir)).toEqual([]);
});

const shell = (command: string, graceMs = 1_000) => ({ type: 'shell', command, graceMs });
/** Leaves a line for each start of the command; goes on when the test lets it. */
const begun = 'echo "$MILLRACE_ATTEMPT_ID" >> ../../started; touch begun';
const untilLet = 'while [ ! -e go ]; do sleep 0.02; done';

const hasBegun = (offer: Offer) =>
  eventually('the command runs', () => existsSync(join(lives.workOf(offer), 'begun')) || undefined);
const letGo = (offer: Offer) => writeFileSync(join(lives.workOf(offer), 'go'), '');
const startsOf = (offer: Offer) => readFileSync(join(lives.workOf(offer), '..', '..', 'started'), 'utf8').split('\n');
const pidIn = (offer: Offer, file: string) =>
  eventually('it has a child', () => Number(readFileSync(join(lives.workOf(offer), file), 'utf8')) || undefined);

async function beginOne(command: string, worker = {}): Promise<Offer> {
  const [offer] = await lives.begin({ settings: [shell(`${begun}; ${command}`)], worker });
  await hasBegun(offer as Offer);
  return offer as Offer;
}

const cancel = (harness: Harness, { instance, attemptId }: Offer) =>
  harness.master.ask(subjects.worker.cancel(workerId), { instance, attemptId, epoch: 1, reason: 'stop' });
const takeover = (harness: Harness, { instance, attemptId }: Offer) => {
  const instances = [{ instance, epoch: 1, attempts: [attemptId] }];
  return harness.master.ask(subjects.worker.takeover(workerId), { master: 'master-1', host: 'host-m1', instances });
};

describe('a worker that was killed', () => {
  it('takes up its shell attempt: it ran once, its result counts, its log is whole', async () => {
    const count = (from: number, to: number) => `for i in $(seq ${from} ${to}); do echo "line $i"; done`;
    const talk = `n=0; while [ ! -e go ]; do n=$((n+1)); echo "tick $n"; sleep 0.005; done`;
    const result = 'echo rows=3 > "$MILLRACE_OUTPUT"';
    const offer = await beginOne(`${count(1, 300)}; ${talk}; ${count(301, 600)}; ${result}`);
    await lives.kill();
    const sizeAtDeath = lives.outputOf(offer).length;
    await eventually('it talks on', () => (lives.outputOf(offer).length > sizeAtDeath ? true : undefined));

    const harness = await lives.goOn();
    const { instance, attemptId } = offer;
    expect(await takeover(harness, offer)).toMatchObject({ attempts: [{ attemptId, state: 'running' }] });
    const before = lives.outputOf(offer).length;
    const query = { instance, attemptId, offset: before, waitMs: 20_000 };
    expect(await harness.master.ask(subjects.worker.logs(workerId), query)).toMatchObject({
      text: expect.stringContaining('tick'),
      end: false,
    });
    letGo(offer);
    const report = await whenReported(harness, offer);
    expect(report).toMatchObject({ kind: 'succeeded', outputs: { rows: '3' }, startedAt: expect.any(Number) });
    expect(startsOf(offer)).toEqual([attemptId, '']);

    const lines = lives.outputOf(offer).trimEnd().split('\n');
    const ticks = lines.filter((line) => line.startsWith('tick'));
    expect(ticks).toEqual(ticks.map((_, index) => `tick ${index + 1}`));
    expect(lines.filter((line) => line.startsWith('line'))).toEqual(
      Array.from({ length: 600 }, (_, index) => `line ${index + 1}`),
    );
    const page = { instance, attemptId, offset: lives.outputOf(offer).length - 9 };
    expect(await harness.master.ask(subjects.worker.logs(workerId), page)).toMatchObject({
      text: 'line 600\n',
      end: true,
    });
    await eventually('the ledger is settled', () => (harness.ledger.unsettled().length === 0 ? true : undefined));
  });

  it('reports a result that came while it was dead, with its time', async () => {
    const offer = await beginOne(`${untilLet}; echo the end; exit 3`);
    await lives.kill();
    letGo(offer);
    await eventually('it ends', () => (lives.outputOf(offer) === 'the end\n' ? true : undefined));
    const endedBefore = Date.now() + 500;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const harness = await lives.goOn();
    const report = await whenReported(harness, offer);
    expect(report).toMatchObject({ kind: 'failed', exitCode: 3, fault: { message: /Its last line: the end/ } });
    expect(report.kind === 'failed' && report.finishedAt).toBeLessThan(endedBefore);
    expect(startsOf(offer)).toEqual([offer.attemptId, '']);
  });

  it('sends its results again, waits on, and reports lost what cannot be taken up', async () => {
    const [finished, waiting, scriptedOne] = (await lives.begin({
      settings: [
        scripted({ afterMs: 0, outputs: { rows: 3 } }),
        { type: 'wait', durationMs: 2_000 },
        scripted({ afterMs: 600_000 }),
      ],
    })) as [Offer, Offer, Offer];
    await lives.kill();
    const harness = await lives.goOn();
    expect(await whenReported(harness, finished)).toMatchObject({ kind: 'succeeded', outputs: { rows: 3 } });
    expect(await whenReported(harness, scriptedOne)).toMatchObject({ kind: 'lost' });
    expect(await takeover(harness, waiting)).toMatchObject({ attempts: [{ state: 'running' }] });
    const report = await whenReported(harness, waiting);
    if (report.kind !== 'succeeded') throw new Error(JSON.stringify(report));
    expect(report.finishedAt - report.startedAt).toBeGreaterThanOrEqual(1_999);
    expect(report.finishedAt - report.startedAt).toBeLessThan(20_000);
  });

  it('accepts offers of its earlier life for attempts that it knows, and no others', async () => {
    const offer = await beginOne(untilLet);
    await lives.kill();
    const harness = await lives.goOn();
    expect(await harness.give(offer)).toEqual({ accepted: true });
    const other = harness.offer({ workerIncarnation: offer.workerIncarnation });
    expect(await harness.give(other)).toMatchObject({ reason: { code: 'WORKER_INCARNATION_GONE' } });
    letGo(offer);
    await whenReported(harness, offer, 'succeeded');
    expect(startsOf(offer)).toEqual([offer.attemptId, '']);
  });

  it('counts what it has taken up among its slots', async () => {
    const waiting = shell(`${begun}; ${untilLet}`);
    const offers = await lives.begin({ settings: [waiting, waiting], worker: { slots: 2 } });
    for (const offer of offers) await hasBegun(offer);
    await lives.kill();
    const harness = await lives.goOn({ worker: { slots: 2 } });
    expect((await harness.members.get(`worker.${workerId}`))?.value).toMatchObject({ runningCount: 2 });
    expect(await harness.give(harness.offer())).toMatchObject({ reason: { code: 'WORKER_SLOTS_FULL' } });
    for (const offer of offers) letGo(offer);
    for (const offer of offers) await whenReported(harness, offer, 'succeeded');
    expect(await harness.give(harness.offer())).toEqual({ accepted: true });
  });

  it('cancels what it has taken up, with its whole group', async () => {
    const offer = await beginOne(`(trap '' TERM; sleep 600; sleep 600) & echo $! > child; ${untilLet}`);
    const grandchild = await pidIn(offer, 'child');
    await lives.kill();
    const harness = await lives.goOn();
    expect(isThere(grandchild)).toBe(true);
    expect(await cancel(harness, offer)).toEqual({ state: 'running' });
    expect(await whenReported(harness, offer)).toMatchObject({ kind: 'cancelled' });
    expect(isThere(grandchild)).toBe(false);
  });

  it('keeps the limit of the log', async () => {
    const flood = 'head -c 3000 /dev/zero | tr "\\0" x';
    const offer = await beginOne(`${flood}; touch half; ${untilLet}; ${flood}; ${flood}`, { logSizeBytesMax: 5_000 });
    await eventually('its first half', () => (lives.outputOf(offer).length === 3_000 ? true : undefined));
    await lives.kill();
    const harness = await lives.goOn({ worker: { logSizeBytesMax: 5_000 } });
    letGo(offer);
    await whenReported(harness, offer, 'succeeded');
    const note = '\n[millrace: output exceeds 5000 bytes; the rest is dropped]\n';
    expect(lives.outputOf(offer)).toBe('x'.repeat(5_000) + note);
  });

  it('together with its supervisor ends what still runs, and reports it lost', async () => {
    const offer = await beginOne(`(sleep 600; sleep 600) & echo $! > child; ${untilLet}`);
    const grandchild = await pidIn(offer, 'child');
    await Promise.all([lives.kill(), lives.killSupervisor()]);
    expect(isThere(grandchild)).toBe(true);
    const harness = await lives.goOn();
    expect(await whenReported(harness, offer)).toMatchObject({ kind: 'lost' });
    expect(isThere(grandchild)).toBe(false);
    // The socket that the dead supervisor left behind is no obstacle.
    const next = harness.offer({ settings: shell('echo again') });
    await harness.give(next);
    expect(await whenReported(harness, next)).toMatchObject({ kind: 'succeeded' });
  });

  it('together with its supervisor still knows a result that was noted', async () => {
    const offer = await beginOne(`${untilLet}; echo rows=5 > "$MILLRACE_OUTPUT"`);
    await lives.kill();
    letGo(offer);
    const record = join(lives.dataDir, 'supervisor', 'runs', `${offer.attemptId}.json`);
    await eventually('its end is noted', () => (readFileSync(record, 'utf8').includes('exited') ? true : undefined));
    await lives.killSupervisor();
    const harness = await lives.goOn();
    expect(await whenReported(harness, offer)).toMatchObject({ kind: 'succeeded', outputs: { rows: '5' } });
    await eventually('the note is removed', () => (existsSync(record) ? undefined : true));
  });
});

describe('a worker whose supervisor was killed', () => {
  it('ends what still runs, reports it lost, and starts another supervisor', async () => {
    const harness = await lives.goOn();
    const offer = harness.offer({ settings: shell(`${begun}; (sleep 600; sleep 600) & echo $! > child; ${untilLet}`) });
    await harness.give(offer);
    await hasBegun(offer);
    const grandchild = await pidIn(offer, 'child');
    await lives.killSupervisor();
    expect(await whenReported(harness, offer)).toMatchObject({ kind: 'lost' });
    expect(isThere(grandchild)).toBe(false);
    const next = harness.offer({ settings: shell('echo again') });
    await harness.give(next);
    expect(await whenReported(harness, next)).toMatchObject({ kind: 'succeeded' });
  });

  it('keeps a result that had been noted', async () => {
    const harness = await lives.goOn();
    const offers = Array.from({ length: 8 }, () => harness.offer({ settings: shell(`${begun}; ${untilLet}`) }));
    await Promise.all(offers.map((offer) => harness.give(offer)));
    for (const offer of offers) await hasBegun(offer);
    for (const offer of offers) letGo(offer);
    await lives.killSupervisor();
    await settle();
    for (const offer of offers) expect(['succeeded', 'lost']).toContain((await whenReported(harness, offer)).kind);
    for (const offer of offers) expect(startsOf(offer)).toEqual([offer.attemptId, '']);
  });
});

describe('workers with folders of their own', () => {
  it('do not mix: each takes up its own attempts', async () => {
    const others = newMortalLives();
    try {
      const mine = await beginOne(untilLet);
      const [theirs] = (await others.begin({ settings: [shell('touch begun; sleep 600')] })) as [Offer];
      await eventually('theirs runs', () => existsSync(join(others.workOf(theirs), 'begun')) || undefined);
      await Promise.all([lives.kill(), others.kill()]);
      expect(lives.supervisorPid()).not.toBe(others.supervisorPid());
      const harness = await lives.goOn();
      letGo(mine);
      await whenReported(harness, mine, 'succeeded');
      expect(processesIn(others.dataDir).length).toBeGreaterThan(1);
      const other = await others.goOn();
      expect(await takeover(other, theirs)).toMatchObject({ attempts: [{ state: 'running' }] });
      expect(await cancel(other, theirs)).toEqual({ state: 'running' });
      await whenReported(other, theirs, 'cancelled');
    } finally {
      await others.remove();
    }
  });
});
