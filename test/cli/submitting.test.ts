import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { errorReplySchema } from '../../schemas/errors.ts';
import { receiptSchema, registerReceiptSchema, runReplySchema } from '../../schemas/messages/client.messages.ts';
import { commandReceiptSchema } from '../../schemas/messages/command.messages.ts';
import { type BoxOptions, createCommandLine, expectGolden } from './command-line.ts';
import { failedEvents, runId, sampleRun, stoppedEvents, successfulEvents } from './sample-runs.ts';

const definitionText = 'name: deploy\ntasks:\n  build:\n    type: shell\n    command: echo hello\n';
const outcomeSchema = z.strictObject({ receipt: receiptSchema, run: runReplySchema });

/** A box with the workflow `deploy`, whose next run has the given events. */
function boxWithWorkflow(options: BoxOptions = {}, next = sampleRun('running', successfulEvents())) {
  const box = createCommandLine(options);
  box.master.definitions.push({ name: 'deploy', version: 2 });
  box.master.nextRun = () => next;
  return box;
}

const submissions = (box: ReturnType<typeof boxWithWorkflow>) =>
  box.master.requests.filter((request) => request.subject === 'millrace.v1.submit.deploy');

describe('submit', () => {
  test('prints the receipt and how to go on', async () => {
    const box = boxWithWorkflow();
    expect(await box.run('submit', 'deploy')).toBe(0);
    expectGolden('submit', box.stdout() + box.stderr());
  });

  test('prints the receipt as one document with --json', async () => {
    const box = boxWithWorkflow();
    await box.run('submit', 'deploy', '--key', 'release-42', '--json');
    expect(receiptSchema.parse(box.json())).toMatchObject({ instance: runId, key: 'release-42', duplicate: false });
    expect(box.stderr()).toBe('');
  });

  test('sends the time that the run stands for', async () => {
    const box = boxWithWorkflow();
    expect(await box.run('submit', 'deploy', '--logical-at', '2024-02-29T00:00:00+01:00')).toBe(0);
    expect(submissions(box)[0]?.body).toMatchObject({ logicalAt: Date.parse('2024-02-28T23:00:00Z') });
    for (const text of ['2024-02-29', '2024-02-29T00:00:00', '2024-02-31T99:00:00Z']) {
      expect(await box.run('submit', 'deploy', '--logical-at', text)).toBe(64);
    }
  });

  test('sends parameters, key and version', async () => {
    const box = boxWithWorkflow();
    const params = [
      '--params-json',
      '{"a": {"b": 1}, "n": 0}',
      '--param',
      'n=5',
      '--param',
      'text=x=y',
      '--param',
      'on=true',
    ];
    await box.run(
      'submit',
      'deploy',
      ...params,
      '--param',
      'version=1.10',
      '--param',
      'id=007',
      '--key',
      'k',
      '--version',
      '1',
    );
    expect(submissions(box)[0]?.body).toEqual({
      key: 'k',
      version: 1,
      params: { a: { b: 1 }, n: 5, text: 'x=y', on: true, version: '1.10', id: '007' },
    });
  });

  test('a known key is told as such', async () => {
    const box = boxWithWorkflow();
    await box.run('submit', 'deploy', '--key', 'release-42');
    await box.run('submit', 'deploy', '--key', 'release-42', '--json');
    expect(box.stdout()).toContain('"duplicate": true');
  });

  test('registers a file first and submits the version that it made', async () => {
    const box = boxWithWorkflow();
    box.writeFile('deploy.yaml', definitionText);
    expect(await box.run('submit', '--file', 'deploy.yaml')).toBe(0);
    expect(box.stdout()).toContain('deploy version 3 registered\ndeploy version 3 submitted as');
    expect(submissions(box)[0]?.body).toMatchObject({ version: 3 });
  });

  test.each([
    [['submit'], 'Name either a registered workflow or a --file'],
    [['submit', 'deploy', '--file', 'x.yaml'], 'Name either a registered workflow or a --file'],
    [['submit', '--file', 'x.yaml', '--version', '1'], '--version goes with a registered workflow'],
    [['submit', 'deploy', '--timeout', '5s'], '--timeout goes with --wait'],
    [['submit', 'deploy', '--param', 'novalue'], '--param: expected name=value, found "novalue"'],
    [['submit', 'deploy', '--params-json', '[1]'], '--params-json: expected a JSON object'],
    [['submit', 'deploy', '--wait', '--timeout', 'soon'], 'Expected a duration, such as 30s'],
    [['submit', '9lives'], 'Expected a workflow name: a workflow name is a letter followed by'],
    [['list', '--limit', '0'], 'Expected a whole number from 1 to 1000'],
    [
      ['list', '--status', 'lost'],
      'Allowed choices are queued, running, pausing, paused, stopping, succeeded, failed, stopped',
    ],
  ])('%j is wrong usage', async (argv, sentence) => {
    const box = boxWithWorkflow();
    expect(await box.run(...argv)).toBe(64);
    expect(box.stderr()).toContain(sentence);
    expect(submissions(box)).toEqual([]);
  });

  test('an unknown workflow is not found', async () => {
    const box = createCommandLine();
    expect(await box.run('submit', 'deploy')).toBe(66);
    expect(box.stderr()).toBe('error: There is no workflow "deploy". [WORKFLOW_NOT_FOUND]\n');
  });

  test('is repeated with the same key when no master answers in time, and then names the key', async () => {
    const box = boxWithWorkflow();
    box.master.script.set('millrace.v1.submit.deploy', ['silence', 'silence', 'silence']);
    const exitCode = box.run('submit', 'deploy', '--json');
    for (let tries = 1; tries <= 3; tries += 1) {
      await box.until(() => submissions(box).length === tries);
      box.clock.advance(5_000);
      await new Promise((resolve) => setImmediate(resolve));
      box.clock.advance(2_000);
    }
    expect(await exitCode).toBe(75);
    const keys = submissions(box).map((request) => (request.body as { key: string }).key);
    expect(new Set(keys).size).toBe(1);
    const reply = errorReplySchema.parse(JSON.parse(box.stderr()));
    expect(reply).toMatchObject({ code: 'REQUEST_TIMEOUT', details: { key: keys[0] } });
    expect(reply.message).toContain(`Repeat it with "--key ${keys[0]}"`);
  });

  test('asks another master when the first is stopping', async () => {
    const box = boxWithWorkflow();
    box.master.script.set('millrace.v1.submit.deploy', [{ code: 'SHUTTING_DOWN', message: 'The master stops.' }]);
    const exitCode = box.run('submit', 'deploy');
    await box.until(() => submissions(box).length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    box.clock.advance(1_000);
    expect(await exitCode).toBe(0);
  });
});

describe('submit --wait', () => {
  test.each([
    ['succeeded', successfulEvents(), 0],
    ['failed', failedEvents(), 1],
    ['stopped', stoppedEvents(), 2],
  ] as const)('a run that %s has its own exit code and its story', async (status, events, exitCode) => {
    const box = boxWithWorkflow({}, sampleRun(status, events));
    expect(await box.run('submit', 'deploy', '--wait')).toBe(exitCode);
    expectGolden(`wait-${status}`, box.stdout());
  });

  test('prints receipt and run as one document with --json', async () => {
    const box = boxWithWorkflow({}, sampleRun('failed', failedEvents()));
    expect(await box.run('submit', 'deploy', '--wait', '--json')).toBe(1);
    expect(outcomeSchema.parse(box.json()).run.run.status).toBe('failed');
  });

  test('gives up after its timeout and says that the run goes on', async () => {
    const box = boxWithWorkflow({}, sampleRun('running', successfulEvents().slice(0, 4)));
    const exitCode = box.run('submit', 'deploy', '--wait', '--timeout', '90s');
    await box.until(() => box.stdout().includes('TaskStarted') || box.stdout().includes('#3'));
    box.clock.advance(90_000);
    expect(await exitCode).toBe(75);
    expect(box.stderr()).toBe(`error: The run ${runId} has not ended within 1m30s; it goes on. [REQUEST_TIMEOUT]\n`);
  });

  test('Ctrl-C ends the waiting, not the run', async () => {
    const box = boxWithWorkflow({}, sampleRun('running', successfulEvents().slice(0, 4)));
    const exitCode = box.run('submit', 'deploy', '--wait');
    await box.until(() => box.stdout().includes('#3'));
    box.interrupt();
    expect(await exitCode).toBe(130);
    expect(box.stderr()).toContain(`The run goes on. See it with "millrace show ${runId}"`);
    expect(box.master.requests.some((request) => request.subject === 'millrace.v1.command')).toBe(false);
  });

  test('on a terminal one block is redrawn', async () => {
    const run = sampleRun('running', successfulEvents().slice(0, 4));
    const box = boxWithWorkflow({ isTty: true, env: { NO_COLOR: '1' }, columns: 100 }, run);
    const exitCode = box.run('submit', 'deploy', '--wait');
    await box.until(() => box.master.requests.some((request) => request.subject === 'millrace.v1.query.run'));
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    box.clock.advance(100);
    for (const event of successfulEvents().slice(4)) box.master.publish(run, event);
    expect(await exitCode).toBe(0);
    expectGolden('wait-terminal', box.stdout().replaceAll('\u001b', '<ESC>'));
  });
});

describe('register', () => {
  test('registers every file and tells the versions', async () => {
    const box = createCommandLine();
    box.writeFile('deploy.yaml', definitionText);
    box.writeFile('hello.yaml', definitionText.replace('deploy', 'hello'));
    expect(await box.run('register', 'deploy.yaml', 'hello.yaml')).toBe(0);
    expect(box.stdout()).toBe('deploy version 1 registered\nhello version 1 registered\n');
  });

  test('prints one document with --json', async () => {
    const box = createCommandLine();
    box.writeFile('deploy.yaml', definitionText);
    await box.run('register', 'deploy.yaml', '--json');
    expect(z.strictObject({ registered: z.array(registerReceiptSchema) }).parse(box.json()).registered).toHaveLength(1);
  });

  test('one file with faults keeps all from being registered, and shows each fault with its line', async () => {
    const box = createCommandLine();
    box.writeFile('deploy.yaml', definitionText);
    box.writeFile('broken.yaml', 'name: broken\ntasks:\n  build:\n    type: shel\n    needs: [nothing]\n');
    expect(await box.run('register', 'deploy.yaml', 'broken.yaml')).toBe(65);
    expect(box.master.requests).toEqual([]);
    expectGolden('register-faults', box.stderr());
  });

  test('the faults are data with --json', async () => {
    const box = createCommandLine();
    expect(await box.run('register', 'missing.yaml', '--json')).toBe(65);
    const reply = errorReplySchema.parse(JSON.parse(box.stderr()));
    expect(reply).toMatchObject({
      code: 'DEFINITION_INVALID',
      details: { faults: [{ code: 'FILE_UNREADABLE', file: 'missing.yaml' }] },
    });
  });
});

describe('stop', () => {
  function boxWithRun() {
    const box = createCommandLine();
    box.master.runs.push(sampleRun('running', stoppedEvents()));
    return box;
  }

  test('asks for the stop with its reason and a key', async () => {
    const box = boxWithRun();
    expect(await box.run('stop', 'beef', '--reason', 'wrong input')).toBe(0);
    expect(box.stdout()).toBe(`${runId} is stopping\n`);
    expect(box.master.requests.at(-1)?.body).toEqual({
      type: 'stop',
      instance: runId,
      key: expect.any(String),
      by: 'command line',
      reason: 'wrong input',
    });
  });

  test('prints one document with --json', async () => {
    const box = boxWithRun();
    await box.run('stop', runId, '--json');
    expect(commandReceiptSchema.parse(box.json())).toMatchObject({ changed: true, status: 'stopping' });
  });

  test('waits for the end; that it was stopped is what was wanted', async () => {
    const box = boxWithRun();
    expect(await box.run('stop', runId, '--wait')).toBe(0);
    expectGolden('stop-wait', box.stdout());
  });

  test('a run that has ended cannot be stopped', async () => {
    const box = createCommandLine();
    box.master.runs.push(sampleRun('failed', failedEvents()));
    expect(await box.run('stop', runId)).toBe(64);
    expect(box.stderr()).toBe(`error: The run ${runId} has already failed. [COMMAND_NOT_ALLOWED]\n`);
  });
});
