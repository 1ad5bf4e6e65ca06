/** Commands from a parent to its child: repeated until answered, and of several only the newest. */
import { expect, test } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { ChildCommands } from '../../src/master/child-commands.ts';
import type { RequestResult, Transport } from '../../src/transport/transport.port.ts';
import { createSteppedClock, testIds } from '../worker/stepped-clock.ts';

const child = '11111111-1111-4111-8111-111111111111' as InstanceId;
const done: RequestResult = {
  kind: 'answer',
  body: { instance: child, revision: 3, changed: true, status: 'stopping' },
};
const refusal = (code: string): RequestResult => ({ kind: 'answer', body: { code, message: 'no' } });

type Sent = { type: string; key: string };

/** Answers as it is told; a question without an answer waits. */
function parts() {
  const clock = createSteppedClock();
  const sent: Sent[] = [];
  const waiting: ((result: RequestResult) => void)[] = [];
  const transport = {
    request: (_: string, body: Sent) => {
      sent.push(body);
      return new Promise<RequestResult>((resolve) => waiting.push(resolve));
    },
  } as unknown as Transport; // Nothing else of it is used.
  const commands = new ChildCommands(child, { transport, clock, ids: testIds });
  const answer = async (result: RequestResult) => {
    waiting.shift()?.(result);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const want = (type: 'stop' | 'pause' | 'resume') => commands.want({ type, key: type, by: 'run x' });
  return { clock, sent, commands, answer, want, types: () => sent.map(({ type }) => type) };
}

test('a command is repeated under its key until it is answered', async () => {
  const { clock, sent, want, answer } = parts();
  want('stop');
  for (const result of [{ kind: 'noResponders' }, { kind: 'timeout' }, refusal('NOT_OWNER')] as const) {
    await answer(result);
    clock.advance(5_000);
  }
  await answer(done);
  clock.advance(60_000);
  expect(sent.map(({ key }) => key)).toEqual(['stop', 'stop', 'stop', 'stop']);
});

test('a child that cannot take it any more is not asked again', async () => {
  const { clock, want, answer, types } = parts();
  want('pause');
  await answer(refusal('COMMAND_NOT_ALLOWED'));
  clock.advance(60_000);
  expect(types()).toEqual(['pause']);
});

test('the newest command replaces one that is not answered, and comes after it', async () => {
  const { clock, want, answer, types } = parts();
  want('pause');
  want('resume');
  expect(types()).toEqual(['pause']);
  await answer({ kind: 'timeout' });
  expect(types()).toEqual(['pause', 'resume']);
  await answer(done);
  clock.advance(60_000);
  expect(types()).toEqual(['pause', 'resume']);
});

test('a new command does not wait for the next repetition of the old one', async () => {
  const { want, answer, types } = parts();
  want('pause');
  await answer({ kind: 'timeout' });
  want('stop');
  expect(types()).toEqual(['pause', 'stop']);
});

test('a stop is not replaced, and nothing is sent after the end', async () => {
  const { clock, commands, want, answer, types } = parts();
  want('stop');
  want('resume');
  await answer({ kind: 'timeout' });
  clock.advance(5_000);
  expect(types()).toEqual(['stop', 'stop']);
  commands.stop();
  await answer({ kind: 'timeout' });
  clock.advance(60_000);
  want('pause');
  expect(types()).toEqual(['stop', 'stop']);
});
