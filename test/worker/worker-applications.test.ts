/** Applications on clusters are told while the command that starts them runs, and over deaths of the worker. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AttemptReport, Offer } from '../../schemas/messages/attempt.messages.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { eventually } from '../kit/eventually.ts';
import { type MortalLives, newMortalLives, whenReported } from './mortal-lives.ts';
import { type Harness, startHarness } from './worker-harness.ts';

const first = 'application_1700000000000_0001';
const second = 'application_1700000000000_0002';
const said = (id: string) => `echo '24/03/01 12:00:01 INFO Client: Submitting application ${id} to ResourceManager'`;
const told = (id: string) => `echo '{"id": "${id}"}' >> "$MILLRACE_APPLICATIONS"`;
const waiting = (file: string) => `while [ ! -e ${file} ]; do sleep 0.02; done`;
const submitting = (command: string) => ({
  type: 'shell',
  command,
  graceMs: 1_000,
  cluster: 'hadoop',
  client: 'spark',
});

let lives: MortalLives;
let harness: Harness | undefined;
beforeEach(() => {
  lives = newMortalLives();
});
afterEach(async () => {
  await harness?.close();
  harness = undefined;
  await lives.remove();
});

async function begun(settings: object, worker = {}): Promise<Offer> {
  harness = await startHarness({ clock: systemClock, supervised: true, worker });
  const offer = harness.offer({ settings });
  expect(await harness.give(offer)).toEqual({ accepted: true });
  return offer;
}

function reported(on: Harness | undefined, { attemptId }: Offer, id: string): Promise<AttemptReport> {
  return eventually(`a report of ${id}`, () =>
    on?.master.reports().find((one) => one.attemptId === attemptId && one.applications?.some((app) => app.id === id)),
  );
}

const workOf = (offer: Offer) =>
  join(harness?.dataDir ?? '', 'attempts', offer.instance, offer.task, offer.attemptId, 'work');

it('what a client says to submit is reported while it runs, and what follows separately', async () => {
  const offer = await begun(submitting(`${said(first)}; ${waiting('go')}; ${said(second)}; ${waiting('end')}`));
  const report = await reported(harness, offer, first);
  expect(report).toMatchObject({ kind: 'started', applications: [{ kind: 'yarn', id: first, cluster: 'hadoop' }] });
  writeFileSync(join(workOf(offer), 'go'), '');
  expect((await reported(harness, offer, second)).kind).toBe('started');
  writeFileSync(join(workOf(offer), 'end'), '');
  expect((await whenReported(harness as Harness, offer, 'succeeded')).applications).toBeUndefined();
});

it('what is said last comes with the end at the latest', async () => {
  const offer = await begun(submitting(`${told(second)}; printf %s "$(${said(first)})"`));
  await whenReported(harness as Harness, offer, 'succeeded');
  const reports = harness?.master.reports() ?? [];
  expect(reports.flatMap(({ applications = [] }) => applications.map(({ id }) => id)).sort()).toEqual([first, second]);
});

it('an id beyond the size of the log is seen', async () => {
  const noise = 'i=0; while [ $i -lt 200 ]; do echo a line of no interest; i=$((i+1)); done';
  const offer = await begun(submitting(`${noise}; ${said(first)}; ${waiting('end')}`), { logSizeBytesMax: 1_000 });
  await reported(harness, offer, first);
});

it('what is added to the file of MILLRACE_APPLICATIONS is reported while the command runs', async () => {
  const settings = { ...submitting(`${told(first)}; ${said(second)}; ${waiting('end')}`), client: undefined };
  const offer = await begun(settings);
  const { applications } = await reported(harness, offer, first);
  expect(applications).toEqual([{ kind: 'yarn', id: first, cluster: 'hadoop' }]);
});

it('a task that names no cluster has no such file, and whatever it prints is no application', async () => {
  const command = `test -z "$MILLRACE_APPLICATIONS" && ${said(first)}`;
  const offer = await begun({ type: 'shell', command, graceMs: 1_000 });
  await whenReported(harness as Harness, offer, 'succeeded');
  expect(harness?.master.reports().flatMap(({ applications = [] }) => applications)).toEqual([]);
});

it('the next life of a killed worker reports what was found before, and while nobody listened', async () => {
  const command = `${said(first)}; ${waiting('go')}; ${said(second)}; ${told('job/etl/third')}; touch done; ${waiting('end')}`;
  const [offer] = await lives.begin({ settings: [submitting(command)] });
  if (offer === undefined) throw new Error('no offer');
  await eventually('the client has begun', () => lives.outputOf(offer).includes(first) || undefined);
  await lives.kill();
  writeFileSync(join(lives.workOf(offer), 'go'), '');
  await eventually('the client has gone on', () => lives.outputOf(offer).includes(second) || undefined);
  const next = await lives.goOn();
  for (const id of [first, second, 'job/etl/third']) await reported(next, offer, id);
  writeFileSync(join(lives.workOf(offer), 'end'), '');
  await whenReported(next, offer, 'succeeded');
});

it('what was found is reported with the loss when the supervisor died as well', async () => {
  const [offer] = await lives.begin({ settings: [submitting(`${said(first)}; ${told(second)}; ${waiting('end')}`)] });
  if (offer === undefined) throw new Error('no offer');
  await eventually('the client has begun', () => lives.outputOf(offer).includes(first) || undefined);
  await lives.kill();
  await lives.killSupervisor();
  const next = await lives.goOn();
  const lost = await whenReported(next, offer, 'lost');
  const ids = next.master.reports().flatMap(({ applications = [] }) => applications.map(({ id }) => id));
  expect(new Set(ids)).toEqual(new Set([first, second]));
  expect(lost.kind).toBe('lost');
});
