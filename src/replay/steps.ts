/** The revision to which one step leads: to the next or the last event, decision, change of owner, or event of a task. */
import { metadataOf } from './event-origin.ts';
import type { ReplayedRun } from './replayed-run.ts';

export type Step =
  | { readonly by: 'event' | 'decision' | 'owner' }
  /** Events about the task, and events of others that changed its status. */
  | { readonly by: 'task'; readonly task: string };

export type Direction = 'forward' | 'back';

/** Undefined where there is no such event in that direction. */
export function stepFrom(run: ReplayedRun, from: number, step: Step, direction: Direction): number | undefined {
  const sign = direction === 'forward' ? 1 : -1;
  for (let revision = from + sign; revision >= 0 && revision <= run.lastRevision; revision += sign) {
    if (isGoal(run, revision, step)) return revision;
  }
  return undefined;
}

function isGoal(run: ReplayedRun, revision: number, step: Step): boolean {
  switch (step.by) {
    case 'event':
      return true;
    case 'decision':
      return isEndOfDecision(run, revision);
    case 'owner':
      return run.recorded(revision).type === 'OwnershipTaken';
    case 'task':
      return (
        taskOfEvent(run, revision) === step.task || run.statuses.at(revision).some(({ task }) => task === step.task)
      );
  }
}

/** All that one message led to has one cause: the last event of it is where the decision is whole. */
function isEndOfDecision(run: ReplayedRun, revision: number): boolean {
  if (revision === run.lastRevision) return true;
  return causationAt(run, revision) !== causationAt(run, revision + 1);
}

const causationAt = (run: ReplayedRun, revision: number) => metadataOf(run.recorded(revision)).causationId;

/** The task that the event is about, if it is about one. */
export function taskOfEvent(run: ReplayedRun, revision: number): string | undefined {
  const { data } = run.recorded(revision) as { data: { task?: unknown } | null };
  return typeof data?.task === 'string' ? data.task : undefined;
}

/** The next event, from there on in circles, of which some text holds what is looked for. */
export function findText(run: ReplayedRun, text: string, from: number): number | undefined {
  const sought = text.toLowerCase();
  const count = run.lastRevision + 1;
  for (let offset = 1; offset <= count; offset += 1) {
    const revision = (from + offset + count) % count;
    const { type, data } = run.recorded(revision);
    if (`${type} ${JSON.stringify(data)}`.toLowerCase().includes(sought)) return revision;
  }
  return undefined;
}
