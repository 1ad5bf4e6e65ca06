/** What the owners of runs told of their states while they lived, against what a replay finds; and whether its answers are true. */
import { allTasks } from '../../actors/workflow-instance/task-lookup.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import type { RunEvent } from '../../src/replay/run-history.ts';
import { stateHashOf } from '../../src/replay/state-hash.ts';
import { explainAt } from '../../src/replay/why.ts';
import { isTrue } from './fact-check.ts';

export type ToldState = { instanceId: string; streamRevision: number; epoch: number; stateHash: string };

/** From the log of a cluster whose masters have `stateHashEveryEvents`. A line that a killed process left unfinished is none. */
export function toldStates(log: string): ToldState[] {
  return log.split('\n').flatMap((line) => {
    if (!line.includes('"state of a run"')) return [];
    try {
      return [JSON.parse(line) as ToldState];
    } catch {
      return [];
    }
  });
}

export function replayOf(definition: WorkflowDefinition, events: readonly RunEvent[]): ReplayedRun {
  return new ReplayedRun({ instance: undefined, definitions: [{ version: 1, definition }], events });
}

/** States that the replay does not find so. */
export function unlikeStates(run: ReplayedRun, told: readonly ToldState[]): string[] {
  return told.flatMap(({ instanceId, streamRevision, epoch, stateHash }) => {
    const { actor, snapshot } = run.at(streamRevision);
    const found = stateHashOf(actor.store(snapshot));
    if (found === stateHash && snapshot.context.epoch === epoch) return [];
    return [`${instanceId} at ${streamRevision}: its owner of epoch ${epoch} had ${stateHash}, replayed is ${found}`];
  });
}

/** Facts by which the replay explains a task, after any event, and that a second look does not find true. */
export function untrueFacts(run: ReplayedRun): string[] {
  const untrue: string[] = [];
  for (let revision = 0; revision <= run.lastRevision; revision += 1) {
    const { actor, snapshot } = run.at(revision);
    const state = { plan: actor.plan, value: snapshot.value, context: snapshot.context };
    for (const { status, context } of allTasks(snapshot.context)) {
      const facts = explainAt(run, revision, context.task)?.facts ?? [];
      // Of a stopped task of a run that was opened again nothing may be known.
      if (facts.length === 0 && status !== 'stopped') untrue.push(`${context.task} at ${revision}: nothing is said`);
      for (const fact of facts) {
        if (!isTrue(fact, state, context.task)) untrue.push(`${context.task} at ${revision}: ${JSON.stringify(fact)}`);
      }
    }
  }
  return untrue;
}
