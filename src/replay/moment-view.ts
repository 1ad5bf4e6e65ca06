/** Everything about one moment of a run as plain JSON: for `--json`, and for pages that show it. */
import type { StoredWorkflowInstance } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import { type Cause, causesOf } from './causes.ts';
import { closedWays, type GuardCheck, guardsOfEvent } from './guards.ts';
import { type Placement, placementAt } from './placement.ts';
import { allPossibleCommands, type PossibleCommand } from './possible-commands.ts';
import type { ReplayedRun } from './replayed-run.ts';
import type { RunEvent } from './run-history.ts';
import { stateHashOf } from './state-hash.ts';

export type MomentView = {
  revision: number;
  lastRevision: number;
  atMs: number;
  event: RunEvent;
  epoch: number;
  owner: StoredWorkflowInstance['context']['owner'];
  state: StoredWorkflowInstance;
  stateHash: string;
  /** What the event itself made somebody owe, and all that was owed then. */
  effects: readonly WorkflowInstanceEffect[];
  pendingEffects: readonly WorkflowInstanceEffect[];
  possibleCommands: PossibleCommand[];
  /** Of the event, and the ways that are closed after it. */
  guards: GuardCheck[];
  closedWays: GuardCheck[];
  causes: Cause[];
  placement?: Placement;
};

export function momentView(run: ReplayedRun, revision: number): MomentView {
  const moment = run.at(revision);
  const state = moment.actor.store(moment.snapshot);
  const placement = placementAt(run, revision);
  return {
    revision,
    lastRevision: run.lastRevision,
    atMs: run.timeOf(revision),
    event: run.recorded(revision),
    epoch: state.context.epoch,
    owner: state.context.owner,
    state,
    stateHash: stateHashOf(state),
    effects: run.effectsOf(revision),
    pendingEffects: moment.actor.pendingEffects(moment.snapshot),
    possibleCommands: allPossibleCommands(moment),
    guards: guardsOfEvent(run, revision),
    closedWays: closedWays(moment),
    causes: causesOf(run, revision),
    ...(placement === undefined ? {} : { placement }),
  };
}
