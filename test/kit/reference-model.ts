/**
 * A plain model of a run, to compare the machines with. It knows no events, snapshots or effects: only what happened in
 * the world. It scans everything at each question, so that it is easy to believe.
 */
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';

export type Happening =
  | { kind: 'placed' | 'rejected' | 'accepted' | 'started' | 'succeeded' | 'failed' | 'cancelled'; task: string }
  | { kind: 'timedOut' | 'retryDue' | 'returned' | 'returnDue' | 'letRunAgain' | 'letFail'; task: string }
  /** Lost by the worker's own word, or in its silence: then it may return. */
  | { kind: 'lost' | 'missed'; task: string }
  | { kind: 'stopRequested' };

type Phase = 'idle' | 'placed' | 'accepted' | 'started' | 'delayed' | 'succeeded' | 'failed' | 'stopped' | 'blocked';

type ModelTask = {
  definition: TaskDefinition;
  phase: Phase;
  failureCount: number;
  lossCount: number;
  isAbsent: boolean;
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
        { definition: task, phase: 'idle', failureCount: 0, lossCount: 0, isAbsent: false, cancelledFor: undefined },
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
      case 'accepted':
        // Of an absent worker only what is news counts: that it has accepted is none.
        if (!task.isAbsent) task.phase = kind;
        return;
      case 'placed':
      case 'started':
      case 'succeeded':
        task.isAbsent = false;
        task.phase = kind;
        return;
      case 'returned':
        task.isAbsent = false;
        if (task.phase === 'placed') task.phase = 'accepted';
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
      case 'missed':
        this.lose(task, kind);
        return;
      case 'returnDue':
        this.loseForGood(task);
        return;
      case 'letRunAgain':
        this.endAbsence(task, 'idle');
        return;
      case 'letFail':
        this.endAbsence(task, 'failed');
        return;
      case 'cancelled':
        if (task.cancelledFor === 'stop') task.phase = 'stopped';
        else if (task.cancelledFor === 'timeout') this.fail(task);
        else this.lose(task, 'lost');
    }
  }

  /** By a person: the losses count anew. */
  private endAbsence(task: ModelTask, phase: 'idle' | 'failed'): void {
    task.isAbsent = false;
    task.cancelledFor = undefined;
    task.lossCount = 0;
    if (phase === 'failed') this.failForGood(task);
    else task.phase = phase;
  }

  private fail(task: ModelTask): void {
    task.failureCount += 1;
    task.isAbsent = false;
    const mayRetry = task.cancelledFor !== 'stop' && task.failureCount < task.definition.retry.attempts;
    task.cancelledFor = undefined;
    if (mayRetry) task.phase = 'delayed';
    else this.failForGood(task);
  }

  private lose(task: ModelTask, how: 'lost' | 'missed'): void {
    const policy = task.cancelledFor === 'stop' ? 'retry' : (task.definition.onWorkerLost?.policy ?? 'retry');
    if (policy === 'ask' || (policy === 'wait' && how === 'missed')) {
      task.isAbsent = true;
      return;
    }
    if (policy === 'fail') this.endAbsence(task, 'failed');
    else this.loseForGood(task);
  }

  private loseForGood(task: ModelTask): void {
    task.isAbsent = false;
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
      task.isAbsent = false;
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
    const { phase, cancelledFor, definition, isAbsent } = this.task(name);
    if (isAbsent) return 'absent';
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
