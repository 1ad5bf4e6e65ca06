/**
 * Walks beside a recorded run and asks of each placement whether it could have been made with other workers. Slots that other
 * runs took are not known, so the recorded set is asked the same: what it cannot explain either is left as it was.
 */
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { AttemptId, Incarnation, InstanceId, TaskName, WorkerGroup, WorkerId } from '../../schemas/ids.ts';
import { VirtualTime } from '../virtual/virtual-time.ts';
import { VirtualWorkers, type WorkerSet } from '../virtual/virtual-workers.ts';
import { metadataOf } from './event-origin.ts';
import { groupOf } from './recorded-workers.ts';
import type { ReplayedRun } from './replayed-run.ts';

export class PlacementRedo {
  readonly #run: ReplayedRun;
  readonly #recorded: VirtualWorkers;
  readonly #changed: VirtualWorkers;
  /** Ready tasks that nobody took at once, and their groups. */
  readonly #waiting = new Map<TaskName, WorkerGroup>();

  constructor(run: ReplayedRun, recorded: WorkerSet, changed: WorkerSet) {
    this.#run = run;
    this.#recorded = setOf(recorded);
    this.#changed = setOf(changed);
  }

  /** Why the event could not have been, with the other workers; undefined when it could. */
  refuses(revision: number): string | undefined {
    const event = this.#run.event(revision);
    if (event.type !== 'TaskAssigned') return undefined;
    const { task, worker } = event.data;
    const group = groupOf(this.#run, revision - 1, task) as WorkerGroup;
    if (this.#changed.incarnationOf(worker) === undefined) {
      return `${task} went to ${worker}, which is not there: ${this.#insteadOf(group)}`;
    }
    const isFree = (workers: VirtualWorkers) => workers.candidates(group).includes(worker);
    if (isFree(this.#changed) || !isFree(this.#recorded)) return undefined;
    return `${task} went to ${worker}, which has no slot for it: ${this.#insteadOf(group)}`;
  }

  /** Takes the event, and tells who would have got a worker now that had none in the recorded run. */
  takes(revision: number, effects: readonly WorkflowInstanceEffect[]): string | undefined {
    const event = this.#run.event(revision);
    if (event.type === 'TaskAssigned') {
      const { task, attemptId, worker, workerIncarnation } = event.data;
      this.#waiting.delete(task);
      for (const workers of [this.#recorded, this.#changed]) {
        workers.reserve({ task, attemptId, worker, workerIncarnation });
      }
    }
    for (const effect of effects) this.#note(revision, effect);
    return this.#placeable();
  }

  #note(revision: number, effect: WorkflowInstanceEffect): void {
    if (effect.type === 'releaseSlot') {
      for (const workers of [this.#recorded, this.#changed]) workers.release(effect.attemptId);
    } else if (effect.type === 'withdrawTask') this.#waiting.delete(effect.task);
    else if (effect.type === 'placeTask' && !this.#isPlacedAtOnce(revision, effect.task)) {
      this.#waiting.set(effect.task, groupOf(this.#run, revision, effect.task) as WorkerGroup);
    }
  }

  #placeable(): string | undefined {
    for (const [task, group] of this.#waiting) {
      const known = new Set(this.#recorded.candidates(group));
      const free = this.#changed.candidates(group).find((worker) => !known.has(worker));
      if (free !== undefined) return `${task} waits for a worker in the recorded run; ${free} could take it here`;
    }
    return undefined;
  }

  /** In the same decision, whose events have one cause, or as fast. */
  #isPlacedAtOnce(revision: number, task: TaskName): boolean {
    for (let next = revision + 1; next <= this.#run.lastRevision && this.#isTogether(revision, next); next += 1) {
      const { type, data } = this.#run.event(next);
      if ('task' in data && data.task === task) return type === 'TaskAssigned';
    }
    // What begins at its owner needs no worker.
    return this.#run.statuses.latest(task, revision)?.to !== 'ready' || !this.#isEverAssigned(task, revision);
  }

  #isTogether(revision: number, next: number): boolean {
    if (this.#run.timeOf(next) === this.#run.timeOf(revision)) return true;
    const causeOf = (at: number) => metadataOf(this.#run.recorded(at)).causationId;
    return causeOf(next) !== undefined && causeOf(next) === causeOf(revision);
  }

  /** A task that begins at its owner is never assigned, and needs no worker. */
  #isEverAssigned(task: TaskName, revision: number): boolean {
    const next = this.#run.statuses.of(task).find((change) => change.revision > revision);
    return next === undefined || next.to === 'assigned';
  }

  #insteadOf(group: WorkerGroup): string {
    const others = this.#changed.candidates(group);
    if (others.length > 0) return `${others.join(', ')} could take it`;
    return this.#changed.has(group)
      ? `it waits, all slots of the group ${group} are taken`
      : `it waits, no worker of the group ${group} is there`;
  }
}

function setOf(workers: WorkerSet): VirtualWorkers {
  return new VirtualWorkers({
    time: new VirtualTime(0),
    ids: { uuid: () => anyId, random: () => 0.5 },
    workers,
    instance: anyId as InstanceId,
    balancer: 'lowerWeight',
    onSlot: () => undefined,
    onHeld: () => undefined,
  });
}

const anyId = 'ffffffff-0000-4000-8000-000000000000' as string & (AttemptId | Incarnation | InstanceId | WorkerId);
