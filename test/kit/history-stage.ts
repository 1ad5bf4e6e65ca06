/** A run on a stage: it is told what happens, with fixed ids and times, and its real actor decides. */
import { planOf } from '../../actors/graph/plan.ts';
import { settle } from '../../actors/kit/settle.ts';
import { beginsAtOwner } from '../../actors/workflow-instance/begin.decide.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceContext } from '../../actors/workflow-instance/workflow-instance.state.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { assign, attemptIdOf, conclude, nameOf, type ReportKind, report, submitOwned } from '../actors/run-events.ts';
import { type Recorded, recordedOf } from './recorded.ts';

export type Scenario = { definition: WorkflowDefinition; play(definition: WorkflowDefinition): Stage };

export const childRun = '1c000000-0000-4000-8000-000000000001' as InstanceId;

type StageOptions = { places?: boolean; wishes?: object };

/** Each thing that is told happens 100 ms after the one before. */
export class Stage {
  readonly actor: WorkflowInstanceActor;
  #snapshot: WorkflowInstanceSnapshot;
  readonly #events: WorkflowInstanceEvent[] = [];
  readonly #times: number[] = [];
  #now = 1_790_000_000_000;
  #attemptCount = 0;
  readonly #places: boolean;

  constructor(definition: WorkflowDefinition, { places = true, wishes = {} }: StageOptions = {}) {
    this.actor = workflowInstanceActor(planOf(definition));
    this.#snapshot = this.actor.initial();
    this.#places = places;
    this.tell({ ...submitOwned, ...wishes } as WorkflowInstanceCommand);
  }

  tell(...commands: WorkflowInstanceCommand[]): this {
    for (const command of commands) this.#settle(command);
    return this;
  }

  say(kind: ReportKind, task: string, attempt: number, more: object = {}): this {
    const command = report(kind, task, attempt) as Extract<WorkflowInstanceCommand, { type: 'RecordReport' }>;
    const times = { startedAt: this.#now, finishedAt: this.#now + 50 };
    const known = Object.fromEntries(Object.entries(times).filter(([field]) => field in command.report));
    return this.tell({ ...command, report: { ...command.report, ...known, ...more } } as WorkflowInstanceCommand);
  }

  /** The whole life of an attempt that succeeds. */
  run(task: string, attempt: number, outputs: object = {}): this {
    return this.say('accepted', task, attempt)
      .say('started', task, attempt)
      .say('succeeded', task, attempt, { outputs });
  }

  /** Begins a ready task, on a stage that does not place by itself. */
  place(task: string): this {
    return this.tell(this.#begin(task, this.#snapshot.context));
  }

  /** When the last command was told. */
  get now(): number {
    return this.#now;
  }

  get recorded(): Recorded[] {
    return recordedOf(this.#events, (revision) => this.#times[revision] ?? 0);
  }

  #settle(command: WorkflowInstanceCommand): void {
    // A timer fires late rather than early.
    this.#now += command.type === 'FireTimer' || command.type === 'FireRunTimer' ? 5_000 : 100;
    const settled = settle(this.actor, this.#snapshot, this.#timed(command), (effect, snapshot) =>
      this.#answer(effect, snapshot),
    );
    if (settled.kind === 'rejected') throw new Error(`${command.type} was refused: ${settled.rejection.message}`);
    this.#snapshot = settled.snapshot;
    for (const event of settled.events) {
      this.#events.push(event);
      this.#times.push(this.#now);
    }
  }

  #answer(effect: WorkflowInstanceEffect, { context }: WorkflowInstanceSnapshot): WorkflowInstanceCommand | undefined {
    if (effect.type === 'concludeWorkflow') return this.#timed(conclude);
    if (effect.type === 'collectItems') return this.#timed({ type: 'CollectItems', now: 0, task: effect.task });
    if (effect.type === 'concludePause') return this.#timed({ type: 'ConcludePause', now: 0 });
    if (effect.type !== 'placeTask' || !this.#places) return undefined;
    return this.#begin(effect.task, context);
  }

  #begin(task: string, context: WorkflowInstanceContext): WorkflowInstanceCommand {
    const name = nameOf(task);
    const planned = this.actor.at({ context }).plan.find(name);
    if (planned === undefined) throw new Error(`the definition has no task ${task}`);
    this.#attemptCount += 1;
    if (!beginsAtOwner(planned, context)) return this.#timed(assign(task, this.#attemptCount));
    const attemptId = attemptIdOf(this.#attemptCount);
    return this.#timed({ type: 'StartTask', now: 0, task: name, attemptId, child: childRun });
  }

  #timed(command: WorkflowInstanceCommand): WorkflowInstanceCommand {
    return { ...command, now: this.#now };
  }
}
