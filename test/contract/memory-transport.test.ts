import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { transportContract } from './transport.contract.ts';

const network = createMemoryNetwork({ clock: systemClock, onFault: () => undefined });
transportContract('memory', { connect: async (name) => network.connect(name) });

/** Deliveries that run only when told, and can be dropped or doubled. */
function steppedNetwork() {
  const waiting: { callback: () => void; to: string }[] = [];
  const stepped = createMemoryNetwork({
    clock: systemClock,
    schedule: (callback, { to }) => void waiting.push({ callback, to }),
  });
  return { network: stepped, waiting };
}

describe('the network in memory', () => {
  it('delivers only when its schedule says', () => {
    const { network: stepped, waiting } = steppedNetwork();
    const received: unknown[] = [];
    stepped.connect('one').subscribe('subject', (message) => received.push(message.body));
    stepped.connect('two').publish('subject', 1);
    expect(received).toEqual([]);
    expect(waiting).toMatchObject([{ to: 'one' }]);
    waiting[0]?.callback();
    waiting[0]?.callback();
    expect(received).toEqual([1, 1]);
  });

  it('delivers nothing to a connection that was killed', () => {
    const { network: stepped, waiting } = steppedNetwork();
    const received: unknown[] = [];
    stepped.connect('one').subscribe('subject', (message) => received.push(message.body));
    const two = stepped.connect('two');
    two.publish('subject', 1);
    stepped.kill('one');
    waiting[0]?.callback();
    two.publish('subject', 2);
    expect([received, waiting.length]).toEqual([[], 1]);
  });

  it('loses what is sent to or from a connection that is away', async () => {
    const other = createMemoryNetwork({ clock: systemClock });
    const [one, two] = [other.connect('one'), other.connect('two')];
    const changes: string[] = [];
    one.onStatus((status) => changes.push(status));
    one.subscribe('subject', (message) => one.publish(message.reply ?? '', 'here'));
    other.setAway('one', true);
    expect(await two.request('subject', {}, { timeoutMs: 10 })).toEqual({ kind: 'noResponders' });
    expect(await one.request('subject', {}, { timeoutMs: 10 })).toEqual({ kind: 'timeout' });
    other.setAway('one', false);
    expect(await two.request('subject', {}, { timeoutMs: 1_000 })).toEqual({ kind: 'answer', body: 'here' });
    expect(changes).toEqual(['away', 'connected']);
  });
});
