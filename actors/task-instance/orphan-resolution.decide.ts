/** What a person makes of a task whose worker is lost while its applications may run on. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { isOrphaned } from './orphan.decide.ts';
import type { TaskEvent, TaskState } from './task-instance.state.ts';
import { adopt, giveUp, kill, openIn } from './tended.decide.ts';
import { unaskedClustersOf } from './tended.state.ts';
import { TendedDraft } from './tended-draft.ts';

type ResolveLost = Extract<WorkflowInstanceCommand, { type: 'ResolveLost' }>;

/** A decision that cannot be carried out yet: what these clusters have of the attempt is not known. */
export type Unasked = { unasked: string[] };

/**
 * `retry` and `fail` let the applications be killed first, `adopt` lets them be followed. What is not known to run is given
 * up. One that is being killed is waited for: another decision changes what becomes of the task then. Undefined when there is
 * nothing to decide.
 */
export function decideOrphanResolution(
  definition: TaskDefinition,
  state: TaskState,
  command: ResolveLost,
): TaskEvent[] | Unasked | undefined {
  const { current, tended, resolvedBy } = state.context;
  if (state.status !== 'absent' || !isOrphaned(state) || current === null) return undefined;
  if (resolvedBy === command.key) return [];
  const unasked = tended === undefined ? [] : unaskedClustersOf(tended);
  if (unasked.length > 0) return { unasked };
  const { task, decision, now, key, by, reason } = command;
  const decidedBy = { key, by, ...(reason === undefined ? {} : { reason }) };
  const asked = { task, attemptId: current.attemptId, now, decidedBy };
  const draft = new TendedDraft(definition, state);
  for (const entry of tended?.seen ?? []) {
    const isDoubtful = entry.state === 'unknown' || entry.state === 'away';
    if (isDoubtful && !entry.hasEnded && !entry.isGivenUp) giveUp(draft, asked, entry);
  }
  // With a cluster that is away all that it may have was given up.
  const open = openIn(draft.tended);
  const isAdopted = decision === 'adopt';
  const meant = open.filter((entry) =>
    isAdopted
      ? entry.kill === null && entry.followDueAt === null
      : entry.kill === null || tended?.decision !== decision,
  );
  if (isAdopted && meant.length === 0) return undefined;
  for (const entry of meant) {
    if (decision === 'adopt') adopt(draft, asked, entry);
    else kill(draft, { ...asked, decision }, entry, 'person');
  }
  if (open.length === 0 && decision !== 'adopt') draft.add(lossBy(state, asked, decision));
  return draft.events;
}

function lossBy(
  { context }: TaskState,
  { task, attemptId, now, decidedBy }: Pick<ResolveLost, 'task' | 'now'> & LossBy,
  decision: 'retry' | 'fail',
): TaskEvent {
  const told = context.tended?.orphan?.reason ?? { code: 'WORKER_UNREACHABLE', message: 'its worker is lost' };
  const isFailure = decision === 'fail';
  const message = isFailure ? `${told.message}; ${decidedBy.by} decided that the task fails` : told.message;
  const reason = { code: told.code, message };
  return { type: 'TaskLost', data: { task, attemptId, lostAt: now, reason, givenUp: isFailure, decidedBy } };
}

type LossBy = {
  attemptId: NonNullable<TaskState['context']['current']>['attemptId'];
  decidedBy: { key: string; by: string; reason?: string };
};
