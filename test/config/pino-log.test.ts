import { expect, test } from 'vitest';
import { AppError } from '../../src/errors/app-error.ts';
import { createPinoLog, type PinoLogOptions } from '../../src/telemetry/pino-log.adapter.ts';

function logInto(lines: string[], options: Partial<PinoLogOptions>) {
  return createPinoLog({
    level: 'info',
    pretty: false,
    colors: false,
    output: { write: (text) => lines.push(text) },
    ...options,
  });
}

test('a log line is one JSON object with level, time, message and the fields of all parents', () => {
  const lines: string[] = [];
  logInto(lines, {}).child({ master: 'm-1' }).warn({ instanceId: 'i-1' }, 'lease lost');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    master: 'm-1',
    instanceId: 'i-1',
    msg: 'lease lost',
  });
});

test('lines below the level are not written', () => {
  const lines: string[] = [];
  logInto(lines, { level: 'warn' }).info({}, 'started');
  expect(lines).toEqual([]);
});

test('a fault is written with its code, message and stack', () => {
  const lines: string[] = [];
  logInto(lines, {}).error({ error: new AppError('NATS_UNAVAILABLE', 'No NATS.') }, 'connect failed');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    error: { code: 'NATS_UNAVAILABLE', message: 'No NATS.', stack: expect.stringContaining('AppError') },
  });
});

test('a pretty line is short and names its fields', () => {
  const lines: string[] = [];
  const log = logInto(lines, { pretty: true });
  log.info({ worker: 'w-1', slots: 4, note: 'two words', error: new Error('broken') }, 'worker started');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} info {2}worker started worker=w-1 slots=4 note="two words" error="broken"\n$/,
  );
});
