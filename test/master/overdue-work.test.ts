/** Work that a master owes and forgets: it is found, done again, and counted (known fault 30). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { clusterReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock } from '../../src/clock/clock.port.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import type { LiveInstance } from '../../src/master/live-instance.ts';
import { OverdueWork } from '../../src/master/overdue-work.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { nameOf } from '../actors/run-events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

/** No other timer of a master here is as long, also when it is armed late. */
const retryDelayMs = 1_900;
const latenessMs = 1_200;

/** Loses the one timer that starts the next attempt. */
const forgetfulClock: Clock = {
  ...systemClock,
  after: (delayMs, action) => systemClock.after(isRetry(delayMs) ? 3_600_000 : delayMs, action),
};
const isRetry = (delayMs: number) => delayMs > retryDelayMs - latenessMs && delayMs <= retryDelayMs;

async function incidentCount(cluster: MemoryCluster): Promise<number | undefined> {
  const { members } = clusterReplySchema.parse(await cluster.ask(subjects.query('cluster'), {}));
  return members.find((member) => member.kind === 'master')?.incidentCount;
}

describe('a timer that a master has lost', () => {
  let cluster: MemoryCluster;

  beforeEach(async () => {
    cluster = await MemoryCluster.create();
  });
  afterEach(() => cluster.stop());

  it('is made good, and shown as an incident', async () => {
    await cluster.startMaster('m1', forgetfulClock);
    await cluster.startWorker('w1');
    const retry = { attempts: 2, delayMs: retryDelayMs, backoff: 1, delayMaxMs: retryDelayMs, jitter: 0 };
    const steps = [
      { result: 'fail' as const, afterMs: 0, outputs: {} },
      { result: 'succeed' as const, afterMs: 0, outputs: {} },
    ];
    await cluster.register(workflowOf([{ ...taskOf('a', [], { retry }), settings: { type: 'script', steps } }]));
    const { instance } = await cluster.submit('tested');
    expect((await cluster.whenEnded(instance)).run.status).toBe('succeeded');
    await expect.poll(() => incidentCount(cluster)).toBe(1);
  });
});

describe('a review', () => {
  const now = 1_000_000;
  const intervalMs = 1_000;
  const place: WorkflowInstanceEffect = { type: 'placeTask', task: nameOf('a') };
  const timer: WorkflowInstanceEffect = { type: 'armRunTimer', timerId: 'runTimeout.1', dueAt: now - intervalMs };

  type Case = {
    effect: WorkflowInstanceEffect;
    isWaiting?: boolean;
    waitsForSlots?: boolean;
    run?: Partial<LiveInstance>;
  };

  function redoneBy({ effect, isWaiting = false, waitsForSlots = false, run = {} }: Case): WorkflowInstanceEffect[] {
    const redone: WorkflowInstanceEffect[] = [];
    const due: (() => void)[] = [];
    const id = 'run' as InstanceId;
    const owed = { pendingEffects: () => [effect] };
    const instance = {
      id,
      revision: 5,
      isIdle: true,
      isOwned: true,
      actor: owed,
      ...run,
    } as unknown as LiveInstance;
    const work = new OverdueWork({
      runs: () => [instance],
      effects: { waitsForSlots: () => waitsForSlots, redo: (_, done) => redone.push(done) },
      dispatcher: () => ({ isWaiting: () => isWaiting, fill: () => {} }),
      mayAct: () => true,
      clock: { ...systemClock, now: () => now, after: (_, action) => ({ cancel: () => {}, at: due.push(action) }) },
      log: silentLog,
      intervalMs,
    });
    work.start();
    due.shift()?.();
    expect(redone).toEqual([]);
    due.shift()?.();
    expect(work.foundCount).toBe(redone.length);
    return redone;
  }

  it.each<[string, Case]>([
    ['a task that waits nowhere', { effect: place }],
    ['a timer long over', { effect: timer }],
    ['the end of the run', { effect: { type: 'concludeWorkflow' } }],
    ['the end of a pause', { effect: { type: 'concludePause' } }],
  ])('does %s again', (_, given) => {
    expect(redoneBy(given)).toEqual([given.effect]);
  });

  it.each<[string, Case]>([
    ['a task that waits for a worker', { effect: place, isWaiting: true }],
    ['a task that waits for slots', { effect: place, waitsForSlots: true }],
    ['a timer that is due soon', { effect: { ...timer, dueAt: now } }],
    ['a run that waits for its turn', { effect: { type: 'requestAdmission' } }],
    ['a run that something is being decided for', { effect: place, run: { isIdle: false } }],
    ['a run that is not fenced yet', { effect: place, run: { isOwned: false } }],
  ])('leaves %s alone', (_, given) => {
    expect(redoneBy(given)).toEqual([]);
  });
});
