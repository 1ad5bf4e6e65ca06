/**
 * A recorded run against another definition or another build of the machine. Both are folded side by side, and every
 * decision is made again: the first event after which they decide, or owe, something else is where they part. From there on
 * the run goes on in virtual time with the recorded results.
 */
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { AppError } from '../errors/app-error.ts';
import { isBrokenJournal } from './broken-journal.ts';
import { commandOf } from './command-of-event.ts';
import { differenceOfEvents } from './event-difference.ts';
import { PlacementRedo } from './placement-redo.ts';
import { recordedWorkers, type WorkerChanges, withChanges } from './recorded-workers.ts';
import { ReplayedRun } from './replayed-run.ts';
import type { RunEvent, RunHistory } from './run-history.ts';
import { worldOf } from './what-if-script.ts';
import { type Assumption, WhatIfWorld } from './what-if-world.ts';

export type WhatIfChange = {
  definition?: WorkflowDefinition;
  /** Another build of the machine. Default: this one. */
  actorOf?: (plan: Plan) => WorkflowInstanceActor;
  /** Workers that are more, less, or have other slots or groups. Default: each attempt goes where it went. */
  workers?: WorkerChanges;
};

export type TaskOutcome = { status: string; attempts: number; endedAfterMs: number | undefined };

export type WhatIf = {
  /** Undefined: nothing would have been different. */
  parting: { revision: number; message: string } | undefined;
  recorded: ReplayedRun;
  /** The run as it would have been; a history like any other. */
  changed: ReplayedRun;
  /** Tasks whose end, attempts or time differ, or that only one of the two has. */
  tasks: { task: string; recorded: TaskOutcome | undefined; changed: TaskOutcome | undefined }[];
  end: { recorded: RunOutcome; changed: RunOutcome };
  assumptions: Assumption[];
};

export type RunOutcome = { status: string; afterMs: number };

/** @throws AppError HISTORY_INVALID when this build cannot replay the run as it was */
export function whatIf(history: RunHistory, change: WhatIfChange): WhatIf {
  const { definition, actorOf = workflowInstanceActor } = change;
  const recorded = new ReplayedRun(history);
  if (recorded.broken !== undefined) throw new AppError('HISTORY_INVALID', recorded.broken.message);
  const other = definition ?? recorded.at(0).actor.plan.definition;
  const actor = actorOf(planOf(other));
  const met = change.workers === undefined ? undefined : recordedWorkers(recorded);
  const workers = met === undefined ? undefined : withChanges(met, change.workers ?? {});
  const redo = met === undefined || workers === undefined ? undefined : new PlacementRedo(recorded, met, workers);
  const lockstep = walkTogether(recorded, actor, redo);
  const common = history.events.slice(0, lockstep.revision + 1);
  const { revision, snapshot } = lockstep;
  const world = new WhatIfWorld({
    actor,
    snapshot,
    now: recorded.timeOf(revision),
    revision,
    recorded: worldOf(recorded),
    workers,
  });
  if (lockstep.parting !== undefined) world.run();
  const events = [
    ...common,
    ...world.events.map(({ atMs, event }, index) => madeEvent(common.length + index, event, atMs, common)),
  ];
  const version = recorded.at(0).snapshot.context.definition?.version ?? 1;
  const moved = history.definitions.filter((pinned) => pinned.version !== version);
  const changed = new ReplayedRun(
    { instance: history.instance, definitions: [{ version, definition: other }, ...moved], events },
    { actorOf },
  );
  return {
    parting: lockstep.parting,
    recorded,
    changed,
    tasks: tasksOf(recorded, changed),
    end: { recorded: endOf(recorded), changed: endOf(changed) },
    assumptions: world.assumptions,
  };
}

type Lockstep = {
  /** Of the last event that both have. */
  revision: number;
  snapshot: WorkflowInstanceSnapshot;
  parting: WhatIf['parting'];
};

function walkTogether(run: ReplayedRun, actor: WorkflowInstanceActor, redo: PlacementRedo | undefined): Lockstep {
  let snapshot = actor.initial();
  for (let revision = 0; revision <= run.lastRevision; revision += 1) {
    const refusal = redo?.refuses(revision);
    const parting =
      refusal === undefined ? decidesOtherwise(run, actor, snapshot, revision) : { revision, message: refusal };
    if (parting !== undefined) return { revision: revision - 1, snapshot, parting };
    try {
      const folded = actor.fold(snapshot, run.event(revision));
      snapshot = folded.snapshot;
      const owed = JSON.stringify(folded.effects);
      const was = JSON.stringify(run.effectsOf(revision));
      const message =
        owed === was ? redo?.takes(revision, folded.effects) : `it owes ${owed}, in the recorded run ${was}`;
      if (message !== undefined) return { ...owned(run, actor, snapshot, revision), parting: { revision, message } };
    } catch (fault) {
      if (!isBrokenJournal(fault)) throw fault;
      return { revision: revision - 1, snapshot, parting: { revision, message: fault.message } };
    }
  }
  return { revision: run.lastRevision, snapshot, parting: undefined };
}

/** A run has an owner from the append on that makes it. */
function owned(run: ReplayedRun, actor: WorkflowInstanceActor, snapshot: WorkflowInstanceSnapshot, revision: number) {
  if (revision > 0 || run.lastRevision === 0) return { revision, snapshot };
  const next = run.event(1);
  return next.type === 'OwnershipTaken'
    ? { revision: 1, snapshot: actor.fold(snapshot, next).snapshot }
    : { revision, snapshot };
}

const decisionLengthMax = 8;

/** The command is that of the recorded run, in the state that it had; the answer is that of the changed one. */
function decidesOtherwise(
  run: ReplayedRun,
  actor: WorkflowInstanceActor,
  snapshot: WorkflowInstanceSnapshot,
  revision: number,
): WhatIf['parting'] {
  const before = run.at(revision - 1);
  const last = Math.min(run.lastRevision, revision + decisionLengthMax);
  const events = Array.from({ length: last - revision + 1 }, (_, offset) => run.event(revision + offset));
  const command = commandOf({
    plan: before.actor.plan,
    snapshot: before.snapshot,
    events,
    decidedAt: run.timeOf(revision),
  });
  const [recorded] = events;
  if (command === undefined || recorded === undefined) return undefined;
  // An event in the middle of a decision was compared with its first one, and is folded.
  const [first] = decided(before.actor, before.snapshot, command);
  if (differenceOfEvents(recorded, first) !== undefined) return undefined;
  const [other] = decided(actor, snapshot, command);
  const difference = differenceOfEvents(recorded, other);
  return difference === undefined ? undefined : { revision, message: difference.message };
}

function decided(
  ...[actor, snapshot, command]: [
    WorkflowInstanceActor,
    WorkflowInstanceSnapshot,
    Parameters<WorkflowInstanceActor['decide']>[1],
  ]
) {
  const decision = actor.decide(snapshot, command);
  return decision.kind === 'events' ? decision.events : [];
}

function madeEvent(
  revision: number,
  { type, data }: { type: string; data: object },
  atMs: number,
  common: readonly RunEvent[],
): RunEvent {
  const metadata = { ...(common.at(-1)?.metadata as object), causationId: 'whatIf', decidedAt: atMs };
  return { revision, type, data: JSON.parse(JSON.stringify(data)) as unknown, metadata };
}

function tasksOf(recorded: ReplayedRun, changed: ReplayedRun): WhatIf['tasks'] {
  const names = new Set([...recorded.plan.tasks, ...changed.plan.tasks].map(({ definition: { name } }) => name));
  return [...names].flatMap((task) => {
    const was = outcomeOf(recorded, task);
    const is = outcomeOf(changed, task);
    return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ task, recorded: was, changed: is }];
  });
}

function outcomeOf(run: ReplayedRun, task: Parameters<ReplayedRun['statuses']['of']>[0]): TaskOutcome | undefined {
  if (run.plan.indexOf(task) === undefined) return undefined;
  const last = run.statuses.latest(task, run.lastRevision);
  let attempts = 0;
  for (const { to } of run.statuses.of(task)) if (to === 'assigned' || to === 'awaiting') attempts += 1;
  const endedAfterMs = last === undefined ? undefined : run.timeOf(last.revision) - run.timeOf(0);
  return { status: last?.to ?? 'waiting', attempts, endedAfterMs };
}

function endOf(run: ReplayedRun): RunOutcome {
  const { snapshot } = run.at(run.lastRevision);
  return { status: snapshot.value, afterMs: run.timeOf(run.lastRevision) - run.timeOf(0) };
}
