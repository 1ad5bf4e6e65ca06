/** Results that runs take from each other: when one is kept, and when a task takes one instead of running. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskEvent, TaskState } from './task-instance.state.ts';

type UseResult = Extract<WorkflowInstanceCommand, { type: 'UseResult' }>;

/** Whoever clears the state of a task wants it to run for real. */
export const mayUseResult = ({ cache }: TaskDefinition, { context }: TaskState): boolean =>
  cache !== undefined && context.round === 0;

export function decideUse(definition: TaskDefinition, state: TaskState, command: UseResult): WorkflowInstanceEvent[] {
  if (state.status !== 'ready' || !mayUseResult(definition, state)) return [];
  const { task, now, cacheKey, source, outputs } = command;
  return [{ type: 'TaskCacheHit', data: { task, takenAt: now, cacheKey, source, outputs } }];
}

/** A success whose inputs were noted when it was assigned is kept for other runs. */
export function withKeptResult(
  { cache }: TaskDefinition,
  { context: { cacheKey } }: TaskState,
  events: readonly TaskEvent[],
): WorkflowInstanceEvent[] {
  if (cache === undefined || cacheKey === null) return [...events];
  return events.flatMap((event): WorkflowInstanceEvent[] => {
    if (event.type !== 'TaskSucceeded') return [event];
    const { task, attemptId, finishedAt, outputs } = event.data;
    const result = { attemptId, finishedAt, outputs };
    return [event, { type: 'ResultKept', data: { task, cacheKey, expiresAt: finishedAt + cache.ttlMs, result } }];
  });
}
