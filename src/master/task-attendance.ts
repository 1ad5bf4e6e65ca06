/** Sees to tasks that wait for other runs. Signals and approvals come as commands: nothing is owed for them. */
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import { RunWatch } from '../runs/run-watch.ts';
import { TaskWatch } from '../runs/task-watch.ts';
import { ChildRuns, type ChildRunsOptions } from './child-runs.ts';
import { Dependents, type DependentsOptions } from './dependents.ts';
import type { LiveInstance } from './live-instance.ts';
import type { Attendance } from './run-effects.ts';

export type TaskAttendanceOptions = Omit<ChildRunsOptions & DependentsOptions, 'watch' | 'tasks'> & { index: RunIndex };

type EffectOf<T extends WorkflowInstanceEffect['type']> = Extract<WorkflowInstanceEffect, { type: T }>;

export class TaskAttendance implements Attendance {
  readonly #children: ChildRuns;
  readonly #dependents: Dependents;

  /** For the projection, which tells it what happens to runs. */
  readonly watch: RunWatch;
  readonly #tasks: TaskWatch;

  constructor(options: TaskAttendanceOptions) {
    this.watch = new RunWatch(options);
    this.#tasks = new TaskWatch(options);
    this.#children = new ChildRuns({ ...options, watch: this.watch });
    this.#dependents = new Dependents({ ...options, watch: this.watch, tasks: this.#tasks });
  }

  stop(): void {
    this.watch.stop();
    this.#tasks.stop();
  }

  /** Children and dependents that are watched here. */
  get count(): number {
    return this.#children.count + this.#dependents.count;
  }

  attend(instance: LiveInstance, effect: EffectOf<'attend'>): void {
    const { awaits, task, attemptId } = effect;
    switch (awaits.kind) {
      case 'workflow':
        this.#children.attend(instance, { ...effect, awaits });
        return;
      case 'dependent':
        this.#dependents.attend({ instance, task, attemptId });
        return;
      case 'signal':
      case 'approval':
        return;
    }
  }

  leave(instance: LiveInstance, effect: EffectOf<'leave'>): void {
    const { awaits, attemptId } = effect;
    switch (awaits.kind) {
      case 'workflow':
        this.#children.leave(instance, { ...effect, awaits });
        return;
      case 'dependent':
        this.#dependents.leave(attemptId);
        return;
      case 'signal':
      case 'approval':
        return;
    }
  }

  /** Events of the run are durable. */
  noted(instance: LiveInstance, events: readonly { type: string; data: object }[]): void {
    this.#children.noted(instance, events);
  }

  /** The run is no longer this master's. */
  letGo(instance: LiveInstance): void {
    this.#children.letGo(instance);
    this.#dependents.letGo(instance);
  }
}
