/**
 * Why an event happened: a walk back from it, event by event, to what somebody outside asked for. An event of a task follows
 * from the one that brought the task into the state in which it could happen; beside that stands what made the owner decide
 * just then (its causation id).
 */
import { hasEnded } from '../../actors/task-instance/task-instance.state.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { metadataOf, triggerText } from './event-origin.ts';
import type { ReplayedRun } from './replayed-run.ts';

export type Cause = {
  revision: number;
  type: WorkflowInstanceEvent['type'];
  task: string | undefined;
  /** What made the owner decide it at that moment. */
  trigger: string;
  /** Why it could happen: words that lead to the next, earlier cause, or to who asked for it. */
  because: string;
};

type Link = { because: string; earlier: number | undefined };

/** The event itself first; the last one was asked for from outside. */
export function causesOf(run: ReplayedRun, revision: number): Cause[] {
  const causes: Cause[] = [];
  for (let next: number | undefined = revision; next !== undefined; ) {
    const event = run.event(next);
    const { because, earlier } = linkOf(run, event, next);
    const { causationId = 'unknown' } = metadataOf(run.recorded(next));
    const task = 'task' in event.data ? event.data.task : undefined;
    causes.push({ revision: next, type: event.type, task, trigger: triggerText(causationId), because });
    // Every link leads to an earlier event, so the walk ends.
    next = earlier;
  }
  return causes;
}

function linkOf(run: ReplayedRun, event: WorkflowInstanceEvent, revision: number): Link {
  switch (event.type) {
    case 'WorkflowSubmitted':
      return submission(run, event.data);
    case 'OwnershipTaken': {
      const { epoch, reason, evidence } = event.data;
      const earlier = lastOf(run, revision, (type) => type === 'OwnershipTaken') ?? 0;
      const proof = evidence === undefined ? '' : `; evidence: ${evidence}`;
      return { because: epoch === 1 ? 'the run had no owner yet' : `the reason was ${reason}${proof}`, earlier };
    }
    case 'WorkflowAdmitted':
      return { because: event.data.evidence ?? 'its turn had come', earlier: 0 };
    case 'WorkflowTimedOut':
      return { because: 'the run took longer than its timeout', earlier: lastStart(run, revision) };
    case 'WorkflowPaused':
      return linked(run, revision, 'nothing ran any more after', (type) => type !== 'OwnershipTaken');
    case 'WorkflowSucceeded':
    case 'WorkflowFailed':
    case 'WorkflowStopped':
      return { because: 'then every task had ended', earlier: lastEndOfTask(run, revision) };
    default:
      return asked(event) ?? taskLink(run, event, revision);
  }
}

function submission(
  run: ReplayedRun,
  { key, parent }: { key: string; parent?: { instance: string; task: string } | undefined },
): Link {
  const { correlationId = 'unknown' } = metadataOf(run.recorded(0));
  const who =
    parent === undefined
      ? 'the caller asked for it'
      : `the task ${parent.task} of the run ${parent.instance} asked for it`;
  return { because: `${who}, with the key ${key} (correlation ${correlationId})`, earlier: undefined };
}

/** What a person asked for needs no other cause. */
function asked(event: WorkflowInstanceEvent): Link | undefined {
  const { data } = event;
  const by = 'by' in data ? data : 'decidedBy' in data ? data.decidedBy : undefined;
  if (by === undefined) return undefined;
  const reason = 'reason' in by && typeof by.reason === 'string' ? `: ${by.reason}` : '';
  const key = 'key' in by ? ` with the key ${by.key}` : '';
  return { because: `${by.by} asked for it${key}${reason}`, earlier: undefined };
}

function taskLink(run: ReplayedRun, event: WorkflowInstanceEvent, revision: number): Link {
  const task = 'task' in event.data ? event.data.task : undefined;
  const change = task === undefined ? undefined : run.statuses.latest(task, revision - 1);
  if (change === undefined) return { because: 'the run had begun', earlier: revision === 0 ? undefined : 0 };
  const { to, revision: earlier } = change;
  const cause = run.event(earlier);
  const other = 'task' in cause.data ? cause.data.task : undefined;
  if (earlier === 0) return { because: `${task} was ${to} from the beginning`, earlier };
  if (other !== undefined && other !== task)
    return { because: `${task} was ${to}: ${ofOther(run, task, other)}`, earlier };
  return { because: `since then ${task} was ${to}`, earlier };
}

function ofOther(run: ReplayedRun, task: string | undefined, other: string): string {
  const needs = run.plan.definition.tasks.find(({ name }) => name === task)?.needs ?? [];
  return needs.some((need) => need === other) ? `${other}, which it needs, had come that far` : `because of ${other}`;
}

function lastEndOfTask(run: ReplayedRun, revision: number): number {
  return lastOf(run, revision, (_, at) => run.statuses.at(at).some(({ to }) => hasEnded(to))) ?? 0;
}

function lastStart(run: ReplayedRun, revision: number): number {
  return lastOf(run, revision, (type) => type === 'WorkflowReopened' || type === 'WorkflowSubmitted') ?? 0;
}

type IsCause = (type: WorkflowInstanceEvent['type'], revision: number) => boolean;

function linked(run: ReplayedRun, revision: number, because: string, isCause: IsCause): Link {
  return { because, earlier: lastOf(run, revision, isCause) };
}

function lastOf(run: ReplayedRun, before: number, isCause: IsCause): number | undefined {
  for (let revision = before - 1; revision >= 0; revision -= 1) {
    if (isCause(run.event(revision).type, revision)) return revision;
  }
  return undefined;
}
