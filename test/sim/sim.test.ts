/** A short batch of the simulation. `run-sim.ts` runs as many seeds as there is time for. */
import { describe, expect, it } from 'vitest';
import { clusterOperationsEvents } from '../../schemas/events/cluster-operations.events.ts';
import { taskGroupEvents } from '../../schemas/events/task-group.events.ts';
import { workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import { workflowQueueEvents } from '../../schemas/events/workflow-queue.events.ts';
import { drawFaults, isFaultless } from './sim-faults.ts';
import { SimRandom } from './sim-random.ts';
import { type SimResult, simulate } from './simulate.ts';

const firstSeed = 1;
const seedCount = 120;
/** As many as it takes for every type of event to happen, but not more. */
const seedCountMax = 600;
/** What takes more seeds than these to happen: a worker that returns late, to an attempt that still runs; and what no simulated task does. */
const rareTypes: readonly string[] = ['TaskWorkerReturned', 'ApplicationAdopted', 'ApplicationGivenUp'];
const events = { ...workflowInstanceEvents, ...taskGroupEvents, ...workflowQueueEvents, ...clusterOperationsEvents };

function verdict({ seed, breaches }: SimResult): string {
  const lines = breaches.map(({ invariant, at, message }) => `  ${invariant} at ${at.toFixed(1)}: ${message}`);
  return [`repeat it: node --import tsx test/sim/run-sim.ts --seed ${seed} --trace`, ...lines].join('\n');
}

describe('a simulated cluster', () => {
  it('repeats itself to the last event on the same seed', { timeout: 60_000 }, async () => {
    for (const seed of [11, 12, 13]) {
      const first = await simulate({ seed });
      const second = await simulate({ seed, isRecording: true });
      expect(second.traceHash).toBe(first.traceHash);
      expect(second.eventCount).toBe(first.eventCount);
    }
    expect((await simulate({ seed: 11 })).traceHash).not.toBe((await simulate({ seed: 12 })).traceHash);
  });

  it('breaks no invariant and ends every run, whatever fails', { timeout: 240_000 }, async () => {
    let runCount = 0;
    const unseen = new Set(Object.keys(events).filter((type) => !rareTypes.includes(type)));
    for (let number = 0; number < seedCount || (unseen.size > 0 && number < seedCountMax); number += 1) {
      const result = await simulate({ seed: firstSeed + number });
      if (result.breaches.length > 0) expect.fail(verdict(result));
      runCount += result.runCount;
      for (const type of result.eventTypes) unseen.delete(type);
    }
    // Else the checks would hold for want of anything to check.
    expect(runCount).toBeGreaterThan(seedCount);
    expect([...unseen]).toEqual([]);
  });

  it('has seeds without any fault, and seeds with many', () => {
    const plans = Array.from({ length: 100 }, (_, seed) => drawFaults(new SimRandom(seed, 'faults')));
    expect(plans.filter(isFaultless).length).toBeGreaterThan(5);
    expect(plans.filter(({ meanMs }) => Object.keys(meanMs).length > 6).length).toBeGreaterThan(20);
  });
});
