/**
 * When nobody runs an attempt any more that may have applications on a cluster: its worker is lost, or its client has ended
 * otherwise than well. Then the clusters are asked before anything else is made of the attempt.
 */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Fault, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import type { AttemptReport } from '../../schemas/messages/attempt.messages.ts';
import { clustersOf, onOrphanedOf } from './application-limits.ts';
import type { TaskEvent, TaskState } from './task-instance.state.ts';
import { hasKill, type Orphan } from './tended.state.ts';

type RecordReport = Extract<WorkflowInstanceCommand, { type: 'RecordReport' }>;
type Orphaned = WorkflowInstanceEventOf<'TaskOrphaned'>['data'];
type Loss = { task: TaskName; attemptId: AttemptId; now: number; why: Orphan['why']; reason: Fault };

export const isOrphaned = ({ context }: TaskState): boolean =>
  context.tended !== undefined && context.tended.orphan !== null;

/** Of an attempt whose applications decide: a worker that returns may still tell how it ended, or that it goes on. */
export function isPastReport({ context }: TaskState, { kind }: AttemptReport): boolean {
  const orphan = context.tended?.orphan ?? null;
  if (orphan === null) return false;
  if (orphan.why !== 'lost') return true;
  return kind !== 'succeeded' && (kind !== 'started' || hasKill(context));
}

/** Undefined when the attempt has no applications. */
export function orphanOf(
  definition: TaskDefinition,
  { context }: TaskState,
  { task, attemptId, now, why, reason, ...more }: Loss & { evidence?: string | undefined; client?: Orphaned['client'] },
): TaskEvent | undefined {
  const clusters = clustersOf(definition, context, attemptId);
  if (clusters.length === 0) return undefined;
  const { evidence, client } = more;
  const policy = policyOf(definition);
  const noted = { ...(evidence === undefined ? {} : { evidence }), ...(client === undefined ? {} : { client }) };
  return { type: 'TaskOrphaned', data: { task, attemptId, since: now, why, policy, clusters, reason, ...noted } };
}

/** An application whose driver runs in the client does not live on without it. */
function policyOf(definition: TaskDefinition): Orphaned['policy'] {
  const { settings } = definition;
  const { policy } = onOrphanedOf(definition);
  const isDriven = settings.type === 'spark' && settings.deployMode === 'client';
  return isDriven && policy === 'adopt' ? 'kill' : policy;
}

/** What the worker told of the end of the client is not the end of what it has started. */
export function orphanedBy(
  definition: TaskDefinition,
  state: TaskState,
  { report, now }: RecordReport,
): TaskEvent | undefined {
  const { task, attemptId, kind } = report;
  const about = { task, attemptId, now };
  switch (kind) {
    case 'lost':
      return orphanOf(definition, state, { ...about, why: 'lost', reason: report.fault });
    case 'failed':
    case 'cancelled': {
      if (!hasBegun(state, report)) return undefined;
      const { finishedAt, startedAt } = report;
      const exitCode = kind === 'failed' ? report.exitCode : undefined;
      const begun = startedAt === undefined ? {} : { startedAt };
      const client = { ...begun, finishedAt, ...(exitCode === undefined ? {} : { exitCode }) };
      if (kind === 'failed')
        return orphanOf(definition, state, { ...about, why: 'failed', reason: report.fault, client });
      const isAsked = state.context.cancelReason !== null;
      const message = isAsked ? 'the client was cancelled' : 'the worker stopped and cancelled the attempt';
      const why = isAsked ? 'cancelled' : 'lost';
      return orphanOf(definition, state, { ...about, why, reason: { code: 'TASK_CANCELLED', message }, client });
    }
    default:
      return undefined;
  }
}

/** What never started has started nothing. */
function hasBegun({ context }: TaskState, { attemptId, ...report }: AttemptReport): boolean {
  const startedAt = 'startedAt' in report ? report.startedAt : undefined;
  if (startedAt !== undefined || context.startedAt !== null) return true;
  return context.applications.some((known) => known.attemptId === attemptId);
}
