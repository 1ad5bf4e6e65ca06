/**
 * A plain model of a run, to compare the machines with. It knows no events, snapshots or effects: only what happened in
 * the world. It scans everything at each question, so that it is easy to believe.
 */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';

export type Happening =
  | { kind: 'placed' | 'rejected' | 'accepted' | 'started' | 'succeeded' | 'failed' | 'cancelled'; task: string }
  | { kind: 'lost' | 'timedOut' | 'retryDue'; task: string }
  | { kind: 'stopRequested' };

type Phase = 'idle' | 'placed' | 'accepted' | 'started' | 'delayed' | 'succeeded' | 'failed' | 'stopped' | 'blocked';

type ModelTask = {
  definition: TaskDefinition;
  phase: Phase;
  failureCount: number;
  lossCount: number;
  cancelledFor: 'stop' | 'timeout' | undefined;
};

const final: readonly Phase[] = ['succeeded', 'failed', 'stopped', 'blocked'];
const live: readonly Phase[] = ['placed', 'accepted', 'started'];

export class ReferenceModel {
  private readonly tasks: Map<string, ModelTask>;
  private readonly definition: WorkflowDefinition;
  private readonly lossesMax: number;
  private stopRequested = false;
  private failedBeforeStop = false;

  constructor(definition: WorkflowDefinition, lossesMax: number) {
    this.definition = definition;
    this.lossesMax = lossesMax;
    this.tasks = new Map(
      definition.tasks.map((task) => [
        task.name,
        { definition: task, phase: 'idle', failureCount: 0, lossCount: 0, cancelledFor: undefined },
      ]),
    );
  }

  happen(happening: Happening): void {
    if (happening.kind === 'stopRequested') {
      this.stopRequested = true;
      this.stopEverything();
      return;
    }
    this.happenTo(this.task(happening.task), happening.kind);
    this.blockWhatCannotRun();
  }

  /** The status of each task in the words of the task machine. */
  statuses(): Record<string, string> {
    return Object.fromEntries([...this.tasks.keys()].map((name) => [name, this.statusOf(name)]));
  }

  isComplete(): boolean {
    return [...this.tasks.values()].every(({ phase }) => final.includes(phase));
  }

  /** How the run ends; meaningful when it is complete. */
  outcome(): 'succeeded' | 'failed' | 'stopped' {
    const phases = [...this.tasks.values()].map(({ phase }) => phase);
    const hasEnded = this.definition.failurePolicy === 'end' && this.failedBeforeStop;
    if (this.stopRequested && !hasEnded && phases.includes('stopped')) return 'stopped';
    return phases.every((phase) => phase === 'succeeded') ? 'succeeded' : 'failed';
  }

  private happenTo(task: ModelTask, kind: Exclude<Happening['kind'], 'stopRequested'>): void {
    switch (kind) {
      case 'placed':
      case 'accepted':
      case 'started':
      case 'succeeded':
        task.phase = kind;
        return;
      case 'rejected':
        task.phase = task.cancelledFor === 'stop' ? 'stopped' : 'idle';
        return;
      case 'timedOut':
        task.cancelledFor = 'timeout';
        return;
      case 'retryDue':
        task.phase = 'idle';
        return;
      case 'failed':
        this.fail(task);
        return;
      case 'lost':
        this.lose(task);
        return;
      case 'cancelled':
        if (task.cancelledFor === 'stop') task.phase = 'stopped';
        else if (task.cancelledFor === 'timeout') this.fail(task);
        else this.lose(task);
    }
  }

  private fail(task: ModelTask): void {
    task.failureCount += 1;
    const mayRetry = task.cancelledFor !== 'stop' && task.failureCount < task.definition.retry.attempts;
    task.cancelledFor = undefined;
    if (mayRetry) task.phase = 'delayed';
    else this.failForGood(task);
  }

  private lose(task: ModelTask): void {
    task.lossCount += 1;
    const isStopping = task.cancelledFor === 'stop';
    task.cancelledFor = undefined;
    if (task.lossCount > this.lossesMax) this.failForGood(task);
    else task.phase = isStopping ? 'stopped' : 'idle';
  }

  private failForGood(task: ModelTask): void {
    task.phase = 'failed';
    if (this.definition.failurePolicy !== 'end' || this.stopRequested) return;
    this.failedBeforeStop = true;
    this.stopEverything();
  }

  private stopEverything(): void {
    for (const task of this.tasks.values()) {
      if (live.includes(task.phase)) task.cancelledFor = 'stop';
      else if (!final.includes(task.phase)) task.phase = 'stopped';
    }
  }

  /** In the order of the definition, which is one in which needs come first. */
  private blockWhatCannotRun(): void {
    for (const task of this.tasks.values()) {
      const isHopeless = task.definition.needs.some((need) => ['failed', 'blocked'].includes(this.task(need).phase));
      if (task.phase === 'idle' && isHopeless) task.phase = 'blocked';
    }
  }

  private statusOf(name: string): string {
    const { phase, cancelledFor, definition } = this.task(name);
    if (cancelledFor !== undefined && live.includes(phase)) return 'cancelling';
    if (phase === 'idle') {
      return definition.needs.every((need) => this.task(need).phase === 'succeeded') ? 'ready' : 'waiting';
    }
    return { placed: 'assigned', started: 'running', delayed: 'backingOff' }[phase as string] ?? phase;
  }

  private task(name: string): ModelTask {
    const task = this.tasks.get(name);
    if (task === undefined) throw new Error(`the model has no task ${name}`);
    return task;
  }
}
