/**
 * Judges queues of workflows by the runs themselves: who is admitted beside whom, who begins without a turn, whose place is
 * given away. Where a run stands its own stream says; the queue's is only compared with it.
 */
import type { WorkflowQueueSnapshot } from '../../actors/workflow-queue/workflow-queue.machine.ts';
import { activeMaxOf, memberOf } from '../../actors/workflow-queue/workflow-queue.state.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { WorkflowQueueEvent } from '../../schemas/events/workflow-queue.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { RunTrack } from './sim-tracks.ts';

type Queue = Pick<WorkflowQueueSnapshot, 'context'>;
type Run = Pick<RunTrack, 'id' | 'stream' | 'workflow' | 'isFinished'> & {
  snapshot: { context: Pick<RunTrack['snapshot']['context'], 'round'> };
};

export class SimQueueMonitor {
  readonly #breach: (invariant: string, message: string) => void;
  readonly #runOf: (instance: string) => Run | undefined;
  /** Runs that a queue has admitted and that have not ended since, by workflow. */
  readonly #active = new Map<string, Set<string>>();

  constructor(breach: (invariant: string, message: string) => void, runOf: (instance: string) => Run | undefined) {
    this.#breach = breach;
    this.#runOf = runOf;
  }

  /** An event of a queue. */
  tookEvent(workflow: string, event: WorkflowQueueEvent, { before, after }: { before: Queue; after: Queue }): void {
    if (event.type === 'RunAdmitted') this.#checkAdmission(workflow, event.data.instance, after);
    if (event.type === 'RunLeft') this.#checkLeaving(event.data.instance, before);
  }

  /** An event of a run, after it was folded. */
  tookRunEvent(run: Run, event: Pick<WorkflowInstanceEvent, 'type'>, queue: Queue | undefined): void {
    if (event.type === 'WorkflowAdmitted' && !this.#hasTurn(run, queue))
      this.#breach('I8', `${run.stream} is admitted, but its queue has not admitted it`);
    if (run.isFinished) this.#active.get(run.workflow)?.delete(run.id);
  }

  #hasTurn(run: Run, queue: Queue | undefined): boolean {
    const entry = queue?.context.active.find(({ instance }) => instance === run.id);
    return entry !== undefined && (entry.round ?? 0) === run.snapshot.context.round;
  }

  /**
   * The limit is that of the run that is admitted: beside it another version may allow more. Which of two admitted runs
   * writes first that it begins is up to their owners.
   */
  #checkAdmission(workflow: string, instance: InstanceId, { context }: Queue): void {
    const entry = context.active.find((run) => run.instance === instance);
    const run = this.#runOf(instance);
    if (entry === undefined || run === undefined) {
      this.#breach('I8', `the queue of ${workflow} admits ${instance}, which does not wait`);
      return;
    }
    // Of a run that has ended while it waited the queue hears later.
    if (run.isFinished || run.snapshot.context.round !== (entry.round ?? 0)) return;
    const active = this.#active.get(workflow) ?? new Set();
    this.#active.set(workflow, active.add(instance));
    const activeMax = activeMaxOf(entry.concurrency);
    if (active.size > activeMax)
      this.#breach('I8', `${run.stream} is admitted as one of ${active.size} runs of at most ${activeMax}`);
  }

  #checkLeaving(instance: InstanceId, { context }: Queue): void {
    const member = memberOf(context, instance);
    const run = this.#runOf(instance);
    if (member === undefined || run === undefined) return;
    if (!run.isFinished && run.snapshot.context.round === (member.round ?? 0))
      this.#breach('I8', `the place of ${run.stream} is given away, but it has not ended`);
  }
}
