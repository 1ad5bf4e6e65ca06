/**
 * What the answers of clusters mean for an attempt whose applications its owner tends.
 *
 * D1 An attempt that nobody runs ends by what became of its applications, and only when none of them is under way any more, or
 *    the limit of waiting is over: then it says so, and makes no further attempt where one may still run.
 * D2 An application that has succeeded is the success of an attempt whose worker was lost. Nothing is run again.
 */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { KillReason, OrphanPolicy } from '../../schemas/events/application.events.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import { applicationLimits, onOrphanedOf } from './application-limits.ts';
import { decideOrphanEnd } from './orphan-end.decide.ts';
import { type TaskEvent, type TaskState, timerIds } from './task-instance.state.ts';
import { entryOf, type SeenApplication, type Tended } from './tended.state.ts';
import { TendedDraft } from './tended-draft.ts';

type CommandOf<T extends WorkflowInstanceCommand['type']> = Extract<WorkflowInstanceCommand, { type: T }>;
export type TellApplications = CommandOf<'TellApplications'>;
type Answer = TellApplications['answers'][number];
type Asked = Pick<TellApplications, 'task' | 'attemptId' | 'now' | 'random' | 'lossesMax'>;
type Live = 'accepted' | 'running' | 'unknown' | 'away';

export function decideTold(definition: TaskDefinition, state: TaskState, command: TellApplications): TaskEvent[] {
  if (!isTended(state, command.attemptId)) return [];
  const draft = new TendedDraft(definition, state);
  for (const answer of command.answers) noteAnswer(draft, command, answer);
  decideNext(draft, command);
  decideOrphanEnd(draft, command);
  return draft.events;
}

/** A limit is over: what is followed is to be killed, what is waited for is given up. */
export function decideApplicationsDue(
  definition: TaskDefinition,
  state: TaskState,
  asked: Asked & { timerId: string },
): TaskEvent[] {
  if (!isTended(state, asked.attemptId)) return [];
  const draft = new TendedDraft(definition, state);
  const isDue = (at: number | null) => at !== null && timerIds.applications(asked.attemptId, at) === asked.timerId;
  for (const entry of draft.tended?.seen ?? []) {
    if (entry.hasEnded || entry.isGivenUp) continue;
    if (isDue(entry.dueAt)) giveUp(draft, asked, entry);
    else if (isDue(entry.followDueAt) && entry.kill === null) {
      kill(draft, asked, entry, isTimedOut(draft, asked.now) ? 'timeout' : 'limit');
    }
  }
  decideOrphanEnd(draft, asked);
  return draft.events;
}

export function isTended({ status, context }: TaskState, attemptId: string): boolean {
  return (
    (status === 'absent' || status === 'cancelling') &&
    context.tended !== undefined &&
    context.current?.attemptId === attemptId
  );
}

function noteAnswer(draft: TendedDraft, { task, attemptId, now }: TellApplications, answer: Answer): void {
  const { cluster } = answer;
  if ('fault' in answer) {
    noteDoubt(draft, { task, attemptId, now }, { cluster, state: 'away', reason: answer.fault });
    return;
  }
  const wasAway = entryOf(draft.tended?.seen ?? [], cluster, null)?.state === 'away';
  for (const application of answer.applications) {
    const { id, user, trackingUrl } = application;
    const more = { ...(user === undefined ? {} : { user }), ...(trackingUrl === undefined ? {} : { trackingUrl }) };
    draft.add({ type: 'ApplicationFound', data: { task, attemptId, kind: answer.kind, id, cluster, ...more } });
    noteApplication(draft, { task, attemptId, now }, { cluster, application, wasAway });
  }
  if (answer.applications.length > 0) return;
  const reason = {
    code: 'APPLICATION_UNKNOWN',
    message: `the cluster ${cluster} knows of none with the tag of the attempt`,
  };
  noteDoubt(draft, { task, attemptId, now }, { cluster, state: 'unknown', reason });
}

type Attempt = Pick<Asked, 'task' | 'attemptId' | 'now'>;
type Told = { cluster: string; application: Application; wasAway: boolean };

function noteApplication(draft: TendedDraft, { task, attemptId, now }: Attempt, told: Told): void {
  const { cluster, application, wasAway } = told;
  const { id, state, hasEnded, diagnostics } = application;
  const known = entryOf(draft.tended?.seen ?? [], cluster, id);
  // Told once more when the cluster answers again: then it is not away any more.
  if (known?.hasEnded && !wasAway) return;
  if (hasEnded) {
    const end = state === 'accepted' || state === 'running' ? 'unknown' : state;
    const said = diagnostics === undefined ? {} : { diagnostics };
    draft.add({ type: 'ApplicationEnded', data: { task, attemptId, cluster, id, state: end, seenAt: now, ...said } });
    return;
  }
  if (known?.state === state && state !== 'unknown' && !wasAway) return;
  if (state === 'accepted' || state === 'running') {
    draft.add({ type: 'ApplicationSeen', data: { task, attemptId, cluster, id, state, seenAt: now } });
    return;
  }
  const reason = {
    code: 'APPLICATION_UNKNOWN',
    message: `the cluster ${cluster} does not know ${id}, or not any more`,
  };
  noteDoubt(draft, { task, attemptId, now }, { cluster, id, state: 'unknown', reason });
}

type Doubt = { cluster: string; id?: string; state: 'unknown' | 'away'; reason: Fault };

/** Once for each change of the answer. A person who is asked is not hurried. */
function noteDoubt(draft: TendedDraft, { task, attemptId, now }: Attempt, doubt: Doubt): void {
  const { cluster, id, state, reason } = doubt;
  const known = entryOf(draft.tended?.seen ?? [], cluster, id ?? null);
  const isOpen = known?.state === state && known.reason !== null;
  if (isOpen && (known.dueAt !== null || known.isGivenUp || isPersonAsked(draft.state))) return;
  const { answerLimitMs } = onOrphanedOf(draft.definition);
  const limitMs = state === 'away' ? answerLimitMs : applicationLimits.unknownMs;
  const due = isPersonAsked(draft.state) ? {} : { dueAt: now + limitMs };
  const about = { cluster, ...(id === undefined ? {} : { id }) };
  draft.add({ type: 'ApplicationSeen', data: { task, attemptId, ...about, state, seenAt: now, reason, ...due } });
}

/** What runs on is followed, or is to end, or waits for a person. */
function decideNext(draft: TendedDraft, asked: Attempt): void {
  const why = killReasonIn(draft.state);
  for (const entry of liveIn(draft.tended)) {
    if (why !== undefined) kill(draft, asked, entry, why);
    else if (policyIn(draft.state) === 'adopt' && entry.followDueAt === null) adopt(draft, asked, entry);
  }
}

/** Under way for all that is known, whether or not it is to end. */
export function openIn(tended: Tended | undefined): (SeenApplication & { id: string })[] {
  return (tended?.seen ?? []).filter((entry): entry is SeenApplication & { id: string } => {
    const isUnderWay = entry.state === 'accepted' || entry.state === 'running';
    return isUnderWay && entry.id !== null && !entry.hasEnded && !entry.isGivenUp;
  });
}

/** Under way for all that is known, and nobody has asked for its end. */
const liveIn = (tended: Tended | undefined) => openIn(tended).filter((entry) => entry.kill === null);

function killReasonIn({ status, context }: TaskState): KillReason | undefined {
  const { tended, cancelReason } = context;
  if (status === 'cancelling') return cancelReason ?? 'stop';
  if (tended?.orphan?.why !== 'lost') return 'failure';
  if (tended.decision === 'retry' || tended.decision === 'fail') return 'person';
  // One to which a kill was asked for is followed by no other of the attempt.
  const asked = tended.seen.find(({ kill: killed }) => killed !== null)?.kill;
  return asked ?? (policyIn({ status, context }) === 'kill' ? 'policy' : undefined);
}

function policyIn({ context: { tended } }: TaskState): OrphanPolicy {
  return tended?.decision === 'adopt' ? 'adopt' : (tended?.orphan?.policy ?? 'adopt');
}

function isPersonAsked(state: TaskState): boolean {
  return state.status === 'absent' && state.context.tended?.decision === null && policyIn(state) === 'ask';
}

function isTimedOut({ state: { context }, definition }: TendedDraft, now: number): boolean {
  return context.timeoutAt !== null && context.timeoutAt <= now && definition.timeoutPolicy !== 'warn';
}

type Decided = { decision?: 'retry' | 'fail'; decidedBy?: { key: string; by: string; reason?: string } };

export function kill(
  draft: TendedDraft,
  { task, attemptId, now, ...decided }: Attempt & Decided,
  { cluster, id }: Pick<SeenApplication, 'cluster' | 'id'>,
  why: KillReason,
): void {
  if (id === null) return;
  const dueAt = now + applicationLimits.killMs;
  const by = decided.decidedBy === undefined ? {} : { decision: decided.decision, decidedBy: decided.decidedBy };
  const data = { task, attemptId, cluster, id, requestedAt: now, why, dueAt, ...by };
  draft.add({ type: 'ApplicationKillRequested', data } as TaskEvent);
}

export function adopt(
  draft: TendedDraft,
  { task, attemptId, now, decidedBy }: Attempt & Decided,
  { cluster, id }: SeenApplication & { id: string },
): void {
  const { timeoutAt } = draft.state.context;
  const limitAt = now + onOrphanedOf(draft.definition).followLimitMs;
  const isTimed = timeoutAt !== null && draft.definition.timeoutPolicy !== 'warn';
  const dueAt = isTimed ? Math.min(timeoutAt, limitAt) : limitAt;
  const by = decidedBy === undefined ? {} : { decidedBy };
  draft.add({ type: 'ApplicationAdopted', data: { task, attemptId, cluster, id, adoptedAt: now, dueAt, ...by } });
}

/** With a cluster that does not answer all that it may have is given up. */
export function giveUp(draft: TendedDraft, attempt: Attempt, entry: SeenApplication): void {
  const { context } = draft.state;
  const { cluster, id, state, reason } = entry;
  const known = context.applications
    .filter((one) => one.attemptId === attempt.attemptId && one.cluster === cluster)
    .map((one) => one.id);
  const ids = id === null ? known : [id];
  for (const one of ids) {
    const seen = entryOf(draft.tended?.seen ?? [], cluster, one);
    if (!seen?.hasEnded) noteGivenUp(draft, attempt, { cluster, id: one, state: state as Live, reason });
  }
  if (id === null) noteGivenUp(draft, attempt, { cluster, state: state as Live, reason });
}

function noteGivenUp(
  draft: TendedDraft,
  { task, attemptId, now }: Attempt,
  { cluster, id, state, reason }: { cluster: string; id?: string; state: Live; reason: Fault | null },
): void {
  const why = reason ?? {
    code: 'APPLICATION_UNKNOWN',
    message: `the cluster ${cluster} does not say that it has ended`,
  };
  const about = { cluster, ...(id === undefined ? {} : { id }) };
  draft.add({ type: 'ApplicationGivenUp', data: { task, attemptId, ...about, givenUpAt: now, state, reason: why } });
}
