/**
 * A history as inspection events of XState, in the form in which Stately's inspector gets them: one actor for the run, one for
 * each task and each item of a map. An event of the run is sent to its actor; the tasks that it changed get it from there.
 */
import type { AnyStateMachine } from 'xstate';
import { at, type PersistentVector } from '../../actors/kit/persistent-vector.ts';
import { taskInstanceMachine } from '../../actors/task-instance/task-instance.machine.ts';
import { hasEnded, type TaskState } from '../../actors/task-instance/task-instance.state.ts';
import { workflowInstanceMachine } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { Moment, ReplayedRun } from './replayed-run.ts';
import { changedIndexes } from './status-log.ts';

type Base = {
  /** Of the actor of the run. */
  readonly rootId: string;
  readonly sessionId: string;
  /** Milliseconds since 1970, by the owner's clock. */
  readonly createdAt: string;
  readonly id: string;
  readonly _version: string;
};

export type InspectedSnapshot = {
  readonly status: 'active' | 'done';
  readonly value: string;
  readonly context: Readonly<Record<string, unknown>>;
};

type InspectedEvent = { readonly type: string };

export type InspectionMessage = Base &
  (
    | {
        readonly type: '@xstate.actor';
        readonly name: string;
        /** The machine as JSON. */
        readonly definition: string;
        readonly parentId: string | undefined;
        readonly snapshot: InspectedSnapshot;
      }
    | { readonly type: '@xstate.event'; readonly sourceId: string | undefined; readonly event: InspectedEvent }
    | { readonly type: '@xstate.snapshot'; readonly event: InspectedEvent; readonly snapshot: InspectedSnapshot }
  );

/** Of the protocol that this is written in: the version of `@statelyai/inspect`. */
const protocolVersion = '0.4.0';

/** @param upTo the last revision that is sent */
export function* inspectionMessages(run: ReplayedRun, upTo = run.lastRevision): Generator<InspectionMessage> {
  const inspection = new Inspection(run);
  yield inspection.actorOfRun();
  yield* inspection.changed(undefined, run.at(-1).snapshot.context.tasks, undefined);
  for (let revision = 0; revision <= upTo; revision += 1) yield* inspection.event(revision);
}

class Inspection {
  readonly #run: ReplayedRun;
  readonly #rootId: string;
  readonly #known = new Set<string>();
  readonly #taskMachine = definitionOf(taskInstanceMachine);
  #count = 0;
  #atMs: number;

  constructor(run: ReplayedRun) {
    this.#run = run;
    this.#rootId = run.history.instance ?? run.plan.definition.name;
    this.#atMs = run.timeOf(0);
  }

  actorOfRun(): InspectionMessage {
    const { definition } = this.#run.plan;
    return {
      type: '@xstate.actor',
      ...this.#base(this.#rootId),
      name: definition.name,
      definition: definitionOf(workflowInstanceMachine(this.#run.plan)),
      parentId: undefined,
      snapshot: runSnapshot(this.#run.at(-1)),
    };
  }

  *event(revision: number): Generator<InspectionMessage> {
    const before = this.#run.at(revision - 1).snapshot.context.tasks;
    const moment = this.#run.at(revision);
    const { type, data } = this.#run.event(revision);
    const event = { type, ...data };
    this.#atMs = this.#run.timeOf(revision);
    yield { type: '@xstate.event', ...this.#base(this.#rootId), sourceId: undefined, event };
    yield { type: '@xstate.snapshot', ...this.#base(this.#rootId), event, snapshot: runSnapshot(moment) };
    yield* this.changed(revision < 0 ? undefined : before, moment.snapshot.context.tasks, event);
  }

  /** Tasks whose state is another one; those that were not known are told first. */
  *changed(
    before: PersistentVector<TaskState> | undefined,
    after: PersistentVector<TaskState>,
    event: InspectedEvent | undefined,
  ): Generator<InspectionMessage> {
    for (const index of before === after ? [] : changedIndexes(before, after)) {
      const state = at(after, index);
      yield* this.#task(state, event);
      const { expansion, task } = state.context;
      if (expansion === null) continue;
      const same = before === undefined || index >= before.length ? undefined : at(before, index).context;
      yield* this.changed(same?.task === task ? same.expansion?.items : undefined, expansion.items, event);
    }
  }

  *#task(state: TaskState, event: InspectedEvent | undefined): Generator<InspectionMessage> {
    const { task } = state.context;
    const sessionId = `${this.#rootId}/${task}`;
    const snapshot = taskSnapshot(state);
    if (!this.#known.has(task)) {
      this.#known.add(task);
      yield {
        type: '@xstate.actor',
        ...this.#base(sessionId),
        name: task,
        definition: this.#taskMachine,
        parentId: this.#rootId,
        snapshot,
      };
    }
    if (event === undefined) return;
    yield { type: '@xstate.event', ...this.#base(sessionId), sourceId: this.#rootId, event };
    yield { type: '@xstate.snapshot', ...this.#base(sessionId), event, snapshot };
  }

  #base(sessionId: string): Base {
    this.#count += 1;
    const id = String(this.#count);
    return { rootId: this.#rootId, sessionId, createdAt: String(this.#atMs), id, _version: protocolVersion };
  }
}

/** Tasks are actors of their own. */
function runSnapshot({ actor, snapshot }: Moment): InspectedSnapshot {
  const { tasks: _, ...context } = snapshot.context;
  return { status: actor.isFinished(snapshot) ? 'done' : 'active', value: snapshot.value, context };
}

/** So are items. */
function taskSnapshot({ status, context: { expansion, ...context } }: TaskState): InspectedSnapshot {
  const counted = expansion === null ? {} : { itemCounts: expansion.counts };
  return { status: hasEnded(status) ? 'done' : 'active', value: status, context: { ...context, ...counted } };
}

/** Functions by their names. */
function definitionOf(machine: AnyStateMachine): string {
  return JSON.stringify(machine.config, (_, value: unknown) =>
    typeof value === 'function' ? { type: value.name } : value,
  );
}
