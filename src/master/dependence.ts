/**
 * How a dependent stands now: the newest runs come from the index, and where an item names a task, the candidate's stream is
 * folded. That costs something only for tasks, and an ended run is folded once.
 */
import { type Evaluation, evaluate, type Finding, type Viewpoint } from '../../actors/dependent/evaluate.ts';
import { findingOfRun, findingOfTasks } from '../../actors/dependent/findings.ts';
import { type Interval, intervalsOf } from '../../actors/dependent/intervals.ts';
import type { DependentItem, DependentSettings } from '../../schemas/definition/run-settings.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import type { RunSummary } from '../../schemas/messages/client.messages.ts';
import { AppError } from '../errors/app-error.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import type { InstanceHost } from './instance-host.ts';

export type DependenceSources = { index: Pick<RunIndex, 'newestBetween'>; host: Pick<InstanceHost, 'fold'> };

/** A task that may still end in a run that goes on. */
export type OpenTask = { instance: InstanceId; task: TaskName };

export class Dependence {
  readonly #sources: DependenceSources;
  readonly #settings: DependentSettings;
  readonly #from: Viewpoint;
  /** Findings in ended runs; the end is part of the key, since a run may be opened again. */
  readonly #ended = new Map<string, Finding>();

  constructor(sources: DependenceSources, settings: DependentSettings, from: Viewpoint) {
    this.#sources = sources;
    this.#settings = settings;
    this.#from = from;
  }

  /**
   * @param onOpenTask is called before the stream of the run is read: who watches the task from then on misses nothing
   */
  async evaluate(onOpenTask: (open: OpenTask) => void = () => {}): Promise<Evaluation> {
    const findings = new Map<string, Finding>();
    for (const { items } of this.#settings.items) {
      for (const item of items) await this.#look(item, findings, onOpenTask);
    }
    const known = (item: DependentItem, interval: Interval) => findings.get(keyOf(item, interval)) ?? nothing;
    return evaluate(this.#settings, this.#from, known);
  }

  async #look(
    item: DependentItem,
    findings: Map<string, Finding>,
    onOpenTask: (open: OpenTask) => void,
  ): Promise<void> {
    const { logicalAt, timeZone } = this.#from;
    for (const interval of intervalsOf(item.range, logicalAt, timeZone)) {
      const run = this.#sources.index.newestBetween(item.workflow, interval.fromAt, interval.untilAt);
      if (run !== undefined) findings.set(keyOf(item, interval), await this.#findingOf(run, item, onOpenTask));
    }
  }

  async #findingOf(run: RunSummary, { task }: DependentItem, onOpenTask: (open: OpenTask) => void): Promise<Finding> {
    const { instance, finishedAt } = run;
    if (task === undefined || (task === '*' && finishedAt === undefined)) return findingOfRun(run);
    const key = `${instance} ${task} ${finishedAt}`;
    const known = this.#ended.get(key);
    if (known !== undefined) return known;
    if (task !== '*' && finishedAt === undefined) onOpenTask({ instance, task });
    const finding = await this.#findingOfTask(run, task);
    if (finishedAt !== undefined) this.#ended.set(key, finding);
    return finding;
  }

  /** A run that cannot be folded, and never will be, is no success. */
  async #findingOfTask({ instance, submittedAt }: RunSummary, task: TaskName | '*'): Promise<Finding> {
    try {
      const folded = await this.#sources.host.fold(instance);
      if (folded === undefined) return { kind: 'open', instance };
      const { actor, snapshot } = folded;
      return findingOfTasks(instance, task, { plan: actor.plan, context: snapshot.context });
    } catch (fault) {
      if (fault instanceof AppError && fault.isRetryable) throw fault;
      return { kind: 'failed', instance, failedAt: submittedAt, why: 'its history cannot be read' };
    }
  }
}

const nothing: Finding = { kind: 'open' };

function keyOf({ workflow, task }: DependentItem, { fromAt, untilAt }: Interval): string {
  return `${workflow} ${task ?? ''} ${fromAt} ${untilAt}`;
}
