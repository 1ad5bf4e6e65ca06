/**
 * What this build owes along a recorded run, against what the run shows of it: an event that answers something must have been
 * owed before, and a timer that is due must fire while its owner goes on. Effects themselves are not recorded; most of them
 * leave such a trace.
 */
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';

/** Longer than an owner that lives lets a timer wait, whatever else it does. */
const latenessMaxMs = 60_000;

/** Of an attempt at a worker, or of the waiting for an answer. */
const isLimitOf = (attemptId: string) => (timerId: string) =>
  timerId === `timeout.${attemptId}` || timerId === `await.${attemptId}`;

export class OwedEffects {
  readonly #placements = new Set<string>();
  readonly #cancelled = new Set<string>();
  /** When each is due. */
  readonly #timers = new Map<string, number>();
  /** No timer is due before. */
  #nextDueAt = Number.POSITIVE_INFINITY;
  #isConclusionOwed = false;

  /** A new owner owes what the state says, and nothing else. */
  begin(pending: readonly WorkflowInstanceEffect[]): void {
    for (const set of [this.#placements, this.#cancelled]) set.clear();
    this.#timers.clear();
    this.#isConclusionOwed = false;
    this.note(pending);
  }

  note(effects: readonly WorkflowInstanceEffect[]): void {
    for (const effect of effects) this.#noteOne(effect);
  }

  /** Why the event could not have come about; undefined when it could, or when nothing is known of it. */
  missing(event: WorkflowInstanceEvent): string | undefined {
    switch (event.type) {
      case 'TaskAssigned':
      case 'TaskAwaits':
      case 'TaskBranchChosen':
      case 'TaskExpanded':
      case 'TaskDelayed':
        return this.#taken(this.#placements, event.data.task, `placing ${event.data.task}`);
      case 'TaskStopped':
        return this.#taken(this.#cancelled, event.data.attemptId, `cancelling the attempt of ${event.data.task}`);
      case 'TaskRetryDue':
        return this.#fired(
          (timerId) => timerId.startsWith(`retry.${event.data.task}.`),
          `a retry of ${event.data.task}`,
        );
      case 'TaskTimedOut':
        return this.#fired(isLimitOf(event.data.attemptId), `a timeout of ${event.data.task}`);
      case 'TaskDelayOver':
        return this.#fired(
          (timerId) => timerId.startsWith(`delay.${event.data.task}.`),
          `the delay of ${event.data.task}`,
        );
      case 'TaskTimeoutWarned':
        return this.#fired(isLimitOf(event.data.attemptId), `a timeout of ${event.data.task}`);
      case 'WorkflowTimedOut':
        return this.#fired((timerId) => timerId.startsWith('runTimeout.'), 'the timeout of the run');
      case 'WorkflowSucceeded':
      case 'WorkflowFailed':
        return this.#isConclusionOwed ? undefined : 'the end of the run is not owed';
      default:
        return undefined;
    }
  }

  /** A timer that should have fired long ago, by the clock of an owner that decides other things. */
  overdue(decidedAt: number): string | undefined {
    if (decidedAt - this.#nextDueAt <= latenessMaxMs) return undefined;
    // The earliest one may have fired since: looked for anew only now.
    const [earliest] = [...this.#timers].sort(([, a], [, b]) => a - b);
    this.#nextDueAt = earliest?.[1] ?? Number.POSITIVE_INFINITY;
    if (earliest === undefined || decidedAt - earliest[1] <= latenessMaxMs) return undefined;
    return `the timer ${earliest[0]} is due since ${decidedAt - earliest[1]} ms and has not fired`;
  }

  #taken(owed: Set<string>, name: string, what: string): string | undefined {
    return owed.delete(name) ? undefined : `${what} is not owed`;
  }

  #fired(isIt: (timerId: string) => boolean, what: string): string | undefined {
    const found = [...this.#timers.keys()].find(isIt);
    if (found === undefined) return `no timer is armed for ${what}`;
    this.#timers.delete(found);
    return undefined;
  }

  #noteOne(effect: WorkflowInstanceEffect): void {
    switch (effect.type) {
      case 'placeTask':
        this.#placements.add(effect.task);
        return;
      case 'withdrawTask':
        this.#placements.delete(effect.task);
        return;
      case 'cancelAttempt':
        this.#cancelled.add(effect.attemptId);
        return;
      case 'armTimer':
      case 'armRunTimer':
        this.#timers.set(effect.timerId, effect.dueAt);
        this.#nextDueAt = Math.min(this.#nextDueAt, effect.dueAt);
        return;
      case 'disarmTimer':
        this.#timers.delete(effect.timerId);
        return;
      case 'concludeWorkflow':
        this.#isConclusionOwed = true;
        return;
      default:
        return;
    }
  }
}
