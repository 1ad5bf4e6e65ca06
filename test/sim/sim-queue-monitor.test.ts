/** The watcher of queues: what it must tell, and what it must let pass. */
import { describe, expect, it } from 'vitest';
import { workflowQueueActor } from '../../actors/workflow-queue/workflow-queue.actor.ts';
import type { WorkflowQueueSnapshot } from '../../actors/workflow-queue/workflow-queue.machine.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import { runId } from '../actors/owned-given.ts';
import { SimQueueMonitor } from './sim-queue-monitor.ts';

const run = (count: number) => ({
  id: runId(count),
  stream: `run ${count}`,
  workflow: 'w',
  isFinished: false,
  snapshot: { context: { round: 0 } },
});

class Watched {
  readonly runs = [run(1), run(2)] as const;
  readonly breaches: string[] = [];
  readonly #monitor = new SimQueueMonitor(
    (_, message) => this.breaches.push(message),
    (instance) => this.runs.find(({ id }) => id === instance),
  );
  #queue: WorkflowQueueSnapshot = workflowQueueActor.initial();

  queue(event: WorkflowQueueEvent): void {
    const before = this.#queue;
    this.#queue = workflowQueueActor.fold(before, event).snapshot;
    this.#monitor.tookEvent('w', event, { before, after: this.#queue });
  }

  admit(count: number, activeMax: number, round?: number): void {
    const concurrency = { policy: 'wait', activeMax } as const;
    const again = round === undefined ? {} : { round };
    const instance = runId(count);
    this.queue({ type: 'RunQueued', data: { instance, priority: 'medium', concurrency, queuedAt: 1, ...again } });
    this.queue({ type: 'RunAdmitted', data: { instance, admittedAt: 1, evidence: '' } });
  }

  leave(count: number): void {
    this.queue({ type: 'RunLeft', data: { instance: runId(count), leftAt: 1 } });
  }

  begin(index: 0 | 1): void {
    this.#monitor.tookRunEvent(this.runs[index], { type: 'WorkflowAdmitted' }, this.#queue);
  }

  end(index: 0 | 1): void {
    this.runs[index].isFinished = true;
    this.#monitor.tookRunEvent(this.runs[index], { type: 'WorkflowSucceeded' }, this.#queue);
  }

  openAgain(index: 0 | 1): void {
    this.runs[index].isFinished = false;
    this.runs[index].snapshot.context.round += 1;
    this.#monitor.tookRunEvent(this.runs[index], { type: 'WorkflowReopened' }, this.#queue);
  }
}

describe('the watcher of queues', () => {
  it('lets a run of a version with a higher limit begin beside one that was admitted before it', () => {
    const watched = new Watched();
    watched.admit(1, 1);
    watched.admit(2, 2);
    watched.begin(1);
    watched.begin(0);
    expect(watched.breaches).toEqual([]);
  });

  it('tells of a place that is given away, and of who gets it', () => {
    const watched = new Watched();
    watched.admit(1, 1);
    watched.begin(0);
    watched.leave(1);
    expect(watched.breaches).toEqual(['the place of run 1 is given away, but it has not ended']);
    watched.admit(2, 1);
    expect(watched.breaches[1]).toBe('run 2 is admitted as one of 2 runs of at most 1');
  });

  it('tells of a run that begins by the turn of its former round', () => {
    const watched = new Watched();
    watched.admit(1, 1);
    watched.begin(0);
    watched.end(0);
    watched.openAgain(0);
    watched.begin(0);
    expect(watched.breaches).toEqual(['run 1 is admitted, but its queue has not admitted it']);
    watched.leave(1);
    watched.admit(1, 1, 1);
    watched.begin(0);
    expect(watched.breaches).toHaveLength(1);
  });
});
