import { expect, test } from 'vitest';
import type { SlotHolder } from '../../schemas/events/task-group.events.ts';
import type { InstanceId, TaskGroupName, TaskName } from '../../schemas/ids.ts';
import type { SlotState, SlotStates, SlotSync } from '../../schemas/messages/concurrency.messages.ts';
import { SlotCourier } from '../../src/concurrency/slot-courier.ts';
import { silentLog } from '../../src/telemetry/log.ts';

const group = 'scarce' as TaskGroupName;
const holder: SlotHolder = { instance: 'run-1' as InstanceId, task: 'a' as TaskName, round: 0, turn: 0 };
const wanted = { group, holder, slots: 1, priority: 'medium', epoch: 1 } as const;
const granted: SlotState = { holder, state: 'granted' };
const waiting: SlotState = { holder, state: 'waiting', reason: { code: 'GROUP_SLOTS_TAKEN', message: 'taken' } };

/** The owner of the group answers when it is told to; timers fire at once. */
function createLine() {
  const asked: { sync: SlotSync; answer: (states: SlotState[]) => Promise<void> }[] = [];
  const grants: SlotHolder[] = [];
  const timers = new Set<() => void>();
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  const courier = new SlotCourier({
    send: (_, sync) =>
      new Promise<SlotStates>((resolve) => {
        asked.push({
          sync,
          answer: async (states) => {
            resolve({ group, states });
            await tick();
          },
        });
      }),
    clock: {
      now: () => 0,
      after: (_, fire) => {
        timers.add(fire);
        return { cancel: () => timers.delete(fire) };
      },
    },
    log: silentLog,
    repeatIntervalMs: 1_000,
    onGranted: (told) => grants.push(told),
    onWaiting: () => {},
  });
  const fire = async () => {
    for (const due of [...timers]) {
      timers.delete(due);
      due();
    }
    await tick();
  };
  return { courier, asked, grants, fire };
}

test('who gives slots back and asks again takes no grant of the time before (S3)', async () => {
  const { courier, asked, grants, fire } = createLine();
  courier.request(wanted);
  await fire();
  await asked[0]?.answer([waiting]);
  courier.release(wanted, 'ended', false);
  await fire();
  expect(asked[1]?.sync).toMatchObject({ requests: [], releases: [{ holder }] });
  courier.request(wanted);
  courier.take({ group, states: [granted] });
  expect(grants).toEqual([]);
  await asked[1]?.answer([]);
  courier.take({ group, states: [granted] });
  expect(grants).toEqual([]);
  await fire();
  expect(asked[2]?.sync).toMatchObject({ requests: [{ holder }], releases: [] });
  await asked[2]?.answer([granted]);
  expect(grants).toEqual([holder]);
});

test('a grant that is told to everybody is taken by who has waited all along', async () => {
  const { courier, asked, grants, fire } = createLine();
  courier.request(wanted);
  await fire();
  await asked[0]?.answer([waiting]);
  courier.take({ group, states: [granted] });
  expect(grants).toEqual([holder]);
});

test('the new owner of a run takes only an answer for a grant: the former one may have given back (S3)', async () => {
  const { courier, asked, grants, fire } = createLine();
  courier.request({ ...wanted, epoch: 2 }, { isInherited: true });
  courier.take({ group, states: [granted] });
  expect(grants).toEqual([]);
  await fire();
  expect(asked[0]?.sync).toMatchObject({ requests: [{ holder, epoch: 2 }] });
  await asked[0]?.answer([granted]);
  expect(grants).toEqual([holder]);
});
