/** Why a task is where it is, after any event of its run: the same answer as a master gives. */
import { explain } from '../../actors/workflow-instance/explain.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { WhyReply } from '../../schemas/messages/explanation.messages.ts';
import type { ReplayedRun } from './replayed-run.ts';

/** Undefined when the run has no task of that name. */
export function explainAt(run: ReplayedRun, revision: number, task: TaskName): Omit<WhyReply, 'instance'> | undefined {
  const { actor, snapshot } = run.at(revision);
  const explained = explain(actor.plan, snapshot, task);
  return explained === undefined ? undefined : { revision, runStatus: snapshot.value, ...explained };
}
