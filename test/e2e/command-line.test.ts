/** The command line as a user's terminal runs it, against a real cluster. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  definitionsReplySchema,
  eventsReplySchema,
  eventViewSchema,
  logsReplySchema,
  type Receipt,
  receiptSchema,
  registerReceiptSchema,
  runReplySchema,
  runsReplySchema,
} from '../../schemas/messages/client.messages.ts';
import { commandReceiptSchema } from '../../schemas/messages/command.messages.ts';
import { generateWorkflowSchema } from '../../src/definitions/generate-schema.ts';
import { newFolder, type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';
import { runMillrace } from '../kit/processes.ts';

const good = 'name: good\ndescription: ends well\ntasks:\n  greet: { type: shell, command: echo hello }\n';
const bad = 'name: bad\ntasks:\n  break: { type: shell, command: "echo broken >&2; exit 3" }\n';
const waitedRunSchema = z.object({ receipt: receiptSchema, run: runReplySchema });
const noRun = '11111111-1111-4111-8111-111111111111';

let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await startProcessCluster({ workers: ['worker-1'] });
  writeFileSync(file('good.yaml'), good);
  writeFileSync(file('bad.yaml'), bad);
  for (const name of ['logged', 'stopped']) writeFileSync(file(`${name}.yaml`), patient(name));
});

afterAll(() => cluster.remove());

test('files are registered once, all or none', async () => {
  const registered = z.object({ registered: z.array(registerReceiptSchema) });

  const first = await cluster.millrace('register', file('good.yaml'), file('bad.yaml'), '--json');
  const [again, faulty, definitions] = await Promise.all([
    cluster.millrace('register', file('good.yaml'), '--json'),
    cluster.millrace('register', brokenFile()),
    cluster.millrace('definitions', '--json'),
  ]);

  expect(registered.parse(JSON.parse(first.stdout)).registered).toMatchObject([
    { name: 'good', version: 1, created: true },
    { name: 'bad', version: 1, created: true },
  ]);
  expect(registered.parse(JSON.parse(again.stdout)).registered).toMatchObject([{ version: 1, created: false }]);
  expect(faulty.exitCode).toBe(65);
  expect(faulty.output).toContain('nobody');
  const names = definitionsReplySchema.parse(JSON.parse(definitions.stdout)).definitions.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['good', 'bad']));
});

test('the exit code of submit --wait is the result of the run', async () => {
  const [succeeded, failed, told, unknown] = await Promise.all([
    cluster.millrace('submit', '--file', file('good.yaml'), '--wait', '--json'),
    cluster.millrace('submit', '--file', file('bad.yaml'), '--wait', '--json'),
    cluster.millrace('submit', '--file', file('good.yaml'), '--wait'),
    cluster.millrace('submit', 'nothing-like-it'),
  ]);

  expect(succeeded.exitCode, succeeded.output).toBe(0);
  expect(waitedRunSchema.parse(JSON.parse(succeeded.stdout)).run.run.status).toBe('succeeded');
  expect(failed.exitCode, failed.output).toBe(1);
  expect(waitedRunSchema.parse(JSON.parse(failed.stdout)).run.tasks[0]?.note).toContain('broken');
  expect(told.exitCode).toBe(0);
  expect(told.stdout).toMatch(/WorkflowSucceeded[\s\S]*good \S+ succeeded/);
  expect(unknown.exitCode).toBe(66);
});

test('the same key gives the same receipt', async () => {
  const submit = () => cluster.millrace('submit', '--file', file('good.yaml'), '--key', 'release 42', '--json');
  const first = receiptSchema.parse(JSON.parse((await submit()).stdout));
  const second = receiptSchema.parse(JSON.parse((await submit()).stdout));

  expect(first.duplicate).toBe(false);
  expect(second).toEqual({ ...first, duplicate: true });
});

test('list, show and events tell of a run; a part of its id is enough', async () => {
  const { instance } = await submitted('good.yaml');
  await cluster.client.whenEnded(instance);
  const [listed, shown, told, followed] = await Promise.all([
    cluster.millrace('list', '--workflow', 'good', '--json'),
    cluster.millrace('show', instance.slice(-12), '--json'),
    cluster.millrace('events', instance, '--json'),
    cluster.millrace('events', instance, '--follow', '--json'),
  ]);

  expect(runsReplySchema.parse(JSON.parse(listed.stdout)).runs.map((run) => run.instance)).toContain(instance);
  expect(runReplySchema.parse(JSON.parse(shown.stdout))).toMatchObject({
    run: { instance, status: 'succeeded' },
    owner: { master: 'master-1', epoch: 1 },
    tasks: [{ task: 'greet', status: 'succeeded', attempts: 1, worker: 'worker-1' }],
  });
  const { events } = eventsReplySchema.parse(JSON.parse(told.stdout));
  expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => index));
  expect(events.at(-1)?.type).toBe('WorkflowSucceeded');
  const lines = followed.stdout.trimEnd().split('\n');
  expect(lines.map((line) => eventViewSchema.parse(JSON.parse(line)).id)).toEqual(events.map(({ id }) => id));
});

test('logs shows the output so far, and follows it to its end', async () => {
  const { instance } = await submitted('logged.yaml');
  const following = cluster.spawn('logs', instance, 'talk', '--follow');
  await following.says('one');

  const page = await cluster.millrace('logs', instance, 'talk', '--json');
  writeFileSync(file('logged.flag'), '');
  const { code } = await following.ended;

  expect(logsReplySchema.parse(JSON.parse(page.stdout))).toMatchObject({ text: 'one\n', nextOffset: 4, end: false });
  expect(code).toBe(0);
  expect(following.stdout()).toBe('one\ntwo\n');
});

test('stop --wait ends a run with 0; who waited for the run learns it with 2', async () => {
  const waiting = cluster.spawn('submit', '--file', file('stopped.yaml'), '--wait');
  await waiting.says('TaskStarted');
  const [, instance = ''] = /submitted as (\S+)/.exec(waiting.stdout()) ?? [];

  const stopped = await cluster.millrace('stop', instance, '--wait', '--reason', 'wrong input', '--json');
  const again = await cluster.millrace('stop', instance, '--json');

  expect(stopped.exitCode, stopped.output).toBe(0);
  const { run } = z.object({ receipt: commandReceiptSchema, run: runReplySchema }).parse(JSON.parse(stopped.stdout));
  expect(run.run.status).toBe('stopped');
  expect((await waiting.ended).code).toBe(2);
  expect(commandReceiptSchema.parse(JSON.parse(again.stdout))).toMatchObject({ changed: false, status: 'stopped' });
});

test('a run that does not exist ends with 66', async () => {
  const results = await Promise.all([
    cluster.millrace('show', noRun, '--json'),
    cluster.millrace('events', noRun),
    cluster.millrace('logs', noRun, 'greet'),
    cluster.millrace('stop', noRun),
  ]);

  expect(results.map(({ exitCode }) => exitCode)).toEqual([66, 66, 66, 66]);
  expect(JSON.parse(results[0]?.output ?? '')).toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
});

test('where nothing runs, commands end with 69: without an address, a server or a master', async () => {
  const elsewhere = newFolder('nothing');
  const nowhere = runMillrace(['list'], { cwd: elsewhere });
  const noServer = runMillrace(['list', '--nats', 'nats://127.0.0.1:9', '--json'], { cwd: elsewhere });
  await cluster.process('master-1').end('SIGKILL');
  const noMaster = cluster.millrace('list');

  const results = await Promise.all([nowhere, noServer, noMaster]);
  rmSync(elsewhere, { recursive: true, force: true });

  expect(results.map(({ exitCode }) => exitCode)).toEqual([69, 69, 69]);
  expect(results[0]?.output).toContain('millrace dev');
  expect(JSON.parse(results[1]?.output ?? '')).toMatchObject({ code: 'NATS_UNAVAILABLE' });
});

test('an output that is longer than a pipe holds comes whole', async () => {
  const { stdout, exitCode } = await runMillrace(['schema'], { cwd: '/' });
  expect(exitCode).toBe(0);
  expect(stdout).toBe(generateWorkflowSchema());
});

/** Says `one`, waits for its flag, says `two`. */
function patient(name: string): string {
  const command = `echo one; until [ -e '${file(`${name}.flag`)}' ]; do sleep 0.1; done; echo two`;
  return `name: ${name}\ntasks:\n  talk: { type: shell, command: "${command}", grace: 500ms }\n`;
}

function brokenFile(): string {
  writeFileSync(file('broken.yaml'), 'name: broken\ntasks:\n  a: { type: shell, command: "true", needs: nobody }\n');
  return file('broken.yaml');
}

function file(name: string): string {
  return join(cluster.folder, name);
}

async function submitted(name: string): Promise<Receipt> {
  return receiptSchema.parse(JSON.parse((await cluster.millrace('submit', '--file', file(name), '--json')).stdout));
}
