/** What the outside owes for the queue of a workflow. Every effect is harmless when it is run again. */
import type { InstanceId } from '../../schemas/ids.ts';
import { nextStep, type WorkflowQueueContext } from './workflow-queue.state.ts';

export type WorkflowQueueEffect =
  /** Somebody can be admitted, discarded or preempted: comes back as AdmitNext. */
  | { type: 'admitNext' }
  /** The run was admitted or discarded: its owner is to know. The owner also asks by itself, now and then. */
  | { type: 'tellRun'; instance: InstanceId }
  /** The run is to stop, for the one that takes its place. */
  | { type: 'preemptRun'; instance: InstanceId; by: InstanceId }
  /** Make sure, now and then, that no end of a run was missed: comes back as LeaveQueue. */
  | { type: 'watchRuns' };

type State = { context: WorkflowQueueContext };

/** All that is owed in this state: what a new owner runs after a takeover. */
export function pendingQueueEffects({ context }: State): WorkflowQueueEffect[] {
  const { waiting, active, discarded } = context;
  const effects: WorkflowQueueEffect[] = [];
  for (const { instance, preemptedBy } of active) {
    if (preemptedBy === null) effects.push({ type: 'tellRun', instance });
    else effects.push({ type: 'preemptRun', instance, by: preemptedBy });
  }
  for (const { instance } of discarded) effects.push({ type: 'tellRun', instance });
  if (waiting.length + active.length + discarded.length > 0) effects.push({ type: 'watchRuns' });
  if (nextStep(context) !== undefined) effects.push({ type: 'admitNext' });
  return effects;
}
