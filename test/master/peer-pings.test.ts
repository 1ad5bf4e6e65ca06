/** Whom a master takes for gone because nobody answers its pings. */
import { beforeEach, expect, test } from 'vitest';
import type { Incarnation, MasterId } from '../../schemas/ids.ts';
import type { Member } from '../../schemas/messages/membership.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { PeerPings, type PeerPingsOptions } from '../../src/membership/peer-pings.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { createSteppedClock } from '../worker/stepped-clock.ts';
import { settle } from '../worker/worker-harness.ts';

const peer = { kind: 'master', id: 'm2' as MasterId, incarnation: 'one' as Incarnation } as Member;
const config = { pingIntervalMs: 100, pingTimeoutMs: 200 };

let gone: string[];
let world: ReturnType<typeof watching>;
beforeEach(() => {
  gone = [];
  world = watching();
});

function watching() {
  const clock = createSteppedClock();
  const network = createMemoryNetwork({ clock });
  const transport = network.connect('m1');
  const members = { declareGone: ({ id }: Member) => void gone.push(id) } as unknown as PeerPingsOptions['members'];
  const pings = new PeerPings({ transport, members, clock, config, peers: () => [peer] });
  const other = network.connect('m2');
  other.subscribe(subjects.master.ping(peer.id as MasterId), ({ reply }) => {
    if (reply !== undefined) other.publish(reply, { incarnation: peer.incarnation });
  });
  const pass = async (durationMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 25) {
      clock.advance(25);
      await settle();
    }
  };
  pings.start();
  return { network, pass };
}

test('who has no responders any more is gone at once', async () => {
  await world.pass(1_000);
  expect(gone).toEqual([]);
  world.network.kill('m2');
  await world.pass(300);
  expect(gone).toContain('m2');
});

test('P1: who is not connected again yet is not gone, as long as this process has just come back itself', async () => {
  for (const name of ['m1', 'm2']) world.network.setAway(name, true);
  await world.pass(1_000);
  world.network.setAway('m1', false);
  await world.pass(1_000);
  world.network.setAway('m2', false);
  await world.pass(3_000);
  expect(gone).toEqual([]);
});

test('P1: who does not come back is gone after that', async () => {
  for (const name of ['m1', 'm2']) world.network.setAway(name, true);
  await world.pass(1_000);
  world.network.setAway('m1', false);
  await world.pass(1_900);
  expect(gone).toEqual([]);
  await world.pass(500);
  expect(gone).toContain('m2');
});
