/** Judges the runs by rules of the language that reach beyond one stream, or that people rely on: stated over events alone. */
import type { WorkflowInstanceEvent, WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { RunTrack } from './sim-tracks.ts';

type Awaits = WorkflowInstanceEventOf<'TaskAwaits'>['data'];

export class SimLanguageMonitor {
  readonly #breach: (invariant: string, message: string) => void;
  readonly #runOf: (instance: string) => RunTrack | undefined;
  readonly #awaits = new Map<string, Awaits>();
  /** Attempt that named each child. */
  readonly #children = new Map<string, { parent: string; task: string }>();
  /** Signals of a run that no task has taken, by run and name. */
  readonly #signals = new Map<string, number>();

  constructor(breach: (invariant: string, message: string) => void, runOf: (instance: string) => RunTrack | undefined) {
    this.#breach = breach;
    this.#runOf = runOf;
  }

  /** Before the event is folded. */
  tookEvent(run: RunTrack, event: WorkflowInstanceEvent): void {
    if ('key' in event.data && event.type !== 'WorkflowSubmitted') run.keys.add(event.data.key);
    if ('decidedBy' in event.data && event.data.decidedBy !== undefined) run.keys.add(event.data.decidedBy.key);
    switch (event.type) {
      case 'WorkflowSubmitted':
        this.#checkParent(run, event.data.parent);
        return;
      case 'TaskAwaits':
        this.#awaits.set(event.data.attemptId, event.data);
        if (event.data.awaits.kind === 'workflow') {
          this.#children.set(event.data.awaits.child, { parent: run.id, task: event.data.task });
        }
        return;
      case 'SignalReceived':
        this.#count(run, event.data.name, 1);
        return;
      case 'TaskConcluded':
        this.#checkConclusion(run, event);
        return;
      default:
        return;
    }
  }

  /** I7: a child begins after its parent's stream has named it. */
  #checkParent(run: RunTrack, parent: WorkflowInstanceEventOf<'WorkflowSubmitted'>['data']['parent']): void {
    if (parent === undefined) return;
    const named = this.#children.get(run.id);
    if (named?.parent !== parent.instance || named.task !== parent.task)
      this.#breach('I7', `${run.stream} is a child of ${parent.task} of ${parent.instance}, which does not await it`);
  }

  /** I9: what a task waited for has happened. */
  #checkConclusion(run: RunTrack, { data }: WorkflowInstanceEventOf<'TaskConcluded'>): void {
    const { task, attemptId, result, decidedBy } = data;
    const awaited = this.#awaits.get(attemptId)?.awaits;
    if (awaited === undefined || result !== 'succeeded') return;
    const where = `${task} of ${run.stream}`;
    if (awaited.kind === 'approval' && decidedBy === undefined)
      this.#breach('I9', `${where} succeeds, but nobody has approved it`);
    if (awaited.kind === 'signal' && this.#count(run, awaited.name, -1) < 0)
      this.#breach('I9', `${where} takes a signal ${awaited.name} that nobody has sent`);
    if (awaited.kind === 'workflow' && this.#runOf(awaited.child)?.ends.has('succeeded') !== true)
      this.#breach('I9', `${where} succeeds, but its child run ${awaited.child} has not`);
  }

  #count(run: RunTrack, name: string, change: number): number {
    const key = `${run.id} ${name}`;
    const count = (this.#signals.get(key) ?? 0) + change;
    this.#signals.set(key, count);
    return count;
  }
}
