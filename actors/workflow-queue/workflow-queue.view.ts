/** Pure questions about the queue of a workflow: where a run stands in it. */
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { AdmissionState } from '../../schemas/messages/concurrency.messages.ts';
import { roundOf } from './workflow-queue.fold.ts';
import { activeMaxOf, type WorkflowQueueContext } from './workflow-queue.state.ts';

/** `left`: the queue does not know the run, or no longer. */
export function admissionOf(
  workflow: WorkflowName,
  { waiting, active, discarded }: WorkflowQueueContext,
  instance: InstanceId,
): AdmissionState {
  const admitted = active.find((run) => run.instance === instance);
  if (admitted !== undefined) return { state: 'admitted', evidence: admitted.evidence, ...roundOf(admitted) };
  const turnedAway = discarded.find((run) => run.instance === instance);
  if (turnedAway !== undefined) return { state: 'discarded', evidence: turnedAway.evidence, ...roundOf(turnedAway) };
  const place = waiting.findIndex((run) => run.instance === instance);
  const run = waiting[place];
  if (run === undefined) return { state: 'left', evidence: `the queue of ${workflow} does not know the run` };
  const most = activeMaxOf(run.concurrency);
  return {
    state: 'waiting',
    evidence: `${active.length} of at most ${most} runs of ${workflow} are active; number ${place + 1} of those that wait`,
    ...roundOf(run),
  };
}
