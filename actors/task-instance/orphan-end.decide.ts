/** How an attempt ends that nobody runs any more, by what became of its applications. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import { nextDelayMs } from '../retry/next-delay.ts';
import { finalLossOf, lossOf, timeoutFaultOf } from './task-instance.decide.ts';
import type { TaskEvent } from './task-instance.state.ts';
import { type Orphan, type SeenApplication, type Tended, unaskedClustersOf } from './tended.state.ts';
import type { TendedDraft } from './tended-draft.ts';

type Asked = Pick<
  Extract<WorkflowInstanceCommand, { type: 'TellApplications' }>,
  'task' | 'attemptId' | 'now' | 'random' | 'lossesMax'
>;

/** What is known when nothing is under way any more. */
type End = { orphan: Orphan; tended: Tended; ended: readonly SeenApplication[]; mayRunOn: SeenApplication | undefined };

export function decideOrphanEnd(draft: TendedDraft, asked: Asked): void {
  const end = endOf(draft.tended);
  if (end !== undefined) draft.add(eventOf(draft, asked, end));
}

function endOf(tended: Tended | undefined): End | undefined {
  const orphan = tended?.orphan;
  if (tended === undefined || orphan === undefined || orphan === null) return undefined;
  const { seen } = tended;
  const isOpen = seen.some(({ hasEnded, isGivenUp }) => !hasEnded && !isGivenUp);
  if (isOpen || unaskedClustersOf(tended).length > 0) return undefined;
  const ended = seen.filter(({ id }) => id !== null);
  return { orphan, tended, ended, mayRunOn: seen.find(({ isGivenUp, state }) => isGivenUp && state !== 'unknown') };
}

function eventOf(draft: TendedDraft, asked: Asked, end: End): TaskEvent {
  const { status } = draft.state;
  const { orphan } = end;
  if (orphan.why === 'failed') return failureOf(draft, asked, end, orphan.reason);
  const hasSucceeded = end.ended.length > 0 && end.ended.every(({ state }) => state === 'succeeded');
  if (orphan.why === 'lost' && hasSucceeded) return successOf(draft, asked, end);
  // A cancel that was asked for while its worker was absent is one all the same.
  if (status === 'cancelling' || orphan.why === 'cancelled') return cancellationOf(draft, asked, end);
  return lossEndOf(draft, asked, end);
}

function successOf({ state: { context } }: TendedDraft, { task, attemptId, now }: Asked, { orphan }: End): TaskEvent {
  const startedAt = context.startedAt ?? orphan.since;
  return { type: 'TaskSucceeded', data: { task, attemptId, startedAt, finishedAt: now, outputs: {} } };
}

function cancellationOf(draft: TendedDraft, asked: Asked, end: End): TaskEvent {
  const { context } = draft.state;
  if (context.cancelReason === 'timeout') {
    // Whoever was lost on top of that did not fail: the loss decides.
    if (end.orphan.why === 'lost') return lossEndOf(draft, asked, end);
    return failureOf(draft, asked, end, timeoutFaultOf(draft.definition));
  }
  const { task, attemptId, now } = asked;
  const { orphan } = end;
  if (orphan.why === 'lost') return finalLossOf(draft.state, { ...lossIn(asked, orphan.reason), lossesMax: noCeiling });
  return { type: 'TaskStopped', data: { task, attemptId, finishedAt: orphan.client?.finishedAt ?? now } };
}

/** What is stopped is not lost too often. */
const noCeiling = Number.MAX_SAFE_INTEGER;

/** The worker was lost, and nothing came of its applications. */
function lossEndOf(draft: TendedDraft, asked: Asked, end: End): TaskEvent {
  const { orphan, tended, ended, mayRunOn } = end;
  const { definition, state } = draft;
  if (state.status === 'absent' && tended.seen.some(({ kill }) => kill === 'timeout')) {
    return failureOf(draft, asked, end, timeoutFaultOf(definition));
  }
  if (mayRunOn !== undefined) return givenUpOf(asked, uncertain(orphan.reason, mayRunOn));
  if (tended.decision === 'fail') return givenUpOf(asked, orphan.reason);
  const followed = ended.find(({ followDueAt, kill, state: seen }) => {
    return followDueAt !== null && kill === null && seen !== 'succeeded';
  });
  if (followed !== undefined) return failureOf(draft, asked, end, ownFaultOf(followed));
  return lossOf(definition, state, { ...lossIn(asked, orphan.reason), mayReturn: false });
}

const lossIn = ({ task, attemptId, now, lossesMax }: Asked, reason: Fault) => ({
  task,
  attemptId,
  now,
  lossesMax,
  reason,
});

function givenUpOf({ task, attemptId, now }: Asked, reason: Fault): TaskEvent {
  return { type: 'TaskLost', data: { task, attemptId, lostAt: now, reason, givenUp: true } };
}

/** No further attempt is made where an application may run on. */
function failureOf({ definition, state }: TendedDraft, asked: Asked, end: End, reason: Fault): TaskEvent {
  const { task, attemptId, now, random } = asked;
  const { orphan, mayRunOn } = end;
  const { client } = orphan;
  const fault = mayRunOn === undefined ? reason : uncertain(reason, mayRunOn);
  const isFinal = state.context.cancelReason === 'stop' || mayRunOn !== undefined;
  const delayMs = isFinal ? undefined : nextDelayMs(definition.retry, state.context.failures + 1, random);
  return {
    type: 'TaskFailed',
    data: {
      task,
      attemptId,
      ...(client?.startedAt == null ? {} : { startedAt: client.startedAt }),
      finishedAt: client?.finishedAt ?? now,
      fault,
      ...(client?.exitCode == null ? {} : { exitCode: client.exitCode }),
      ...(delayMs === undefined ? {} : { retry: { delayMs, dueAt: now + delayMs } }),
    },
  };
}

function uncertain({ code, message }: Fault, { cluster, id }: SeenApplication): Fault {
  const what = id === null ? 'what it has started' : id;
  return { code, message: `${message}; ${what} may still run on the cluster ${cluster}` };
}

function ownFaultOf({ cluster, id, state, reason }: SeenApplication): Fault {
  const said = reason === null ? '' : `: ${reason.message}`;
  return {
    code: 'APPLICATION_FAILED',
    message: `the application ${id} on the cluster ${cluster} ended as ${state}${said}`,
  };
}
