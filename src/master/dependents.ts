/**
 * Tasks of type `dependent`: they wait until runs that they name have succeeded. Each is looked at when it begins, and then
 * whenever a run of a workflow that it names begins or ends, or a task that it names does something. Nothing polls.
 *
 * D3 Watches are set before the first look: what happens between the two is seen by one of them.
 * D4 One look at a time; news during a look lead to one more after it.
 * D5 Limits are counted from what is durable (since when the task waits, when the run failed), so that a takeover does not
 *    prolong them.
 */

import { outputsOfRun } from '../../actors/child-runs/child-run.ts';
import { type Evaluation, type Evidence, verdictOf, workflowsOf } from '../../actors/dependent/evaluate.ts';
import { evidenceWords, missingWords } from '../../actors/dependent/words.ts';
import { logicalTimeOf } from '../../actors/workflow-instance/attempt-inputs.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { DependentSettings } from '../../schemas/definition/run-settings.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import type { RunWatch, Watch } from '../runs/run-watch.ts';
import type { TaskWatch } from '../runs/task-watch.ts';
import type { Log } from '../telemetry/log.ts';
import { Dependence, type OpenTask } from './dependence.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance } from './live-instance.ts';

export type DependentsOptions = {
  index: Pick<RunIndex, 'newestBetween'>;
  host: Pick<InstanceHost, 'fold'>;
  watch: Pick<RunWatch, 'watchWorkflow'>;
  tasks: Pick<TaskWatch, 'watch'>;
  /** Resolves when the index has all runs that existed when this master started. */
  whenCurrent: () => Promise<void>;
  clock: Clock;
  ids: IdSource;
  log: Log;
};

type Place = { instance: LiveInstance; task: TaskName; attemptId: AttemptId };

type Waiting = Place & {
  settings: DependentSettings;
  dependence: Dependence;
  zone: string;
  /** When the task began to wait, milliseconds since 1970. */
  since: number;
  watches: Watch[];
  /** By run and task: those that the last look wanted. */
  taskWatches: Map<string, Watch>;
  timer: Timer | undefined;
  isLooking: boolean;
  hasNews: boolean;
  isOver: boolean;
};

type Conclusion = Pick<
  Extract<WorkflowInstanceCommand, { type: 'ConcludeTask' }>,
  'result' | 'outputs' | 'fault' | 'evidence'
>;

const retryDelayMs = 500;
/** As many as one task may have. */
const outputsSizeBytesMax = 65_536;

export class Dependents {
  readonly #options: DependentsOptions;
  readonly #waiting = new Map<AttemptId, Waiting>();

  constructor(options: DependentsOptions) {
    this.#options = options;
  }

  /** Tasks that wait here. */
  get count(): number {
    return this.#waiting.size;
  }

  attend(place: Place): void {
    const known = this.#waiting.get(place.attemptId);
    if (known?.instance === place.instance) return;
    if (known !== undefined) this.#forget(known);
    const waiting = this.#waitingOf(place);
    if (waiting === undefined) return;
    this.#waiting.set(place.attemptId, waiting);
    for (const workflow of workflowsOf(waiting.settings)) {
      waiting.watches.push(this.#options.watch.watchWorkflow(workflow, () => this.#news(waiting)));
    }
    void this.#options.whenCurrent().then(() => this.#news(waiting));
  }

  leave(attemptId: AttemptId): void {
    const waiting = this.#waiting.get(attemptId);
    if (waiting !== undefined) this.#forget(waiting);
  }

  /** The run is no longer this master's. */
  letGo(instance: LiveInstance): void {
    for (const waiting of this.#waiting.values()) if (waiting.instance === instance) this.#forget(waiting);
  }

  #waitingOf(place: Place): Waiting | undefined {
    const { actor, snapshot } = place.instance;
    const { plan } = actor;
    const settings = plan.find(place.task)?.definition.settings;
    const since = taskStateOf(plan, snapshot.context, place.task)?.context.awaiting?.since;
    if (settings?.type !== 'dependent' || since === undefined) return undefined;
    const { at: logicalAt, zone } = logicalTimeOf(plan, snapshot.context);
    const from = { logicalAt, timeZone: zone };
    const dependence = new Dependence(this.#options, settings, from);
    const idle = { timer: undefined, isLooking: false, hasNews: false, isOver: false };
    return { ...place, settings, dependence, zone, since, watches: [], taskWatches: new Map(), ...idle };
  }

  #news(waiting: Waiting): void {
    waiting.hasNews = true;
    if (!waiting.isLooking) void this.#look(waiting);
  }

  /** D4. */
  async #look(waiting: Waiting): Promise<void> {
    waiting.isLooking = true;
    try {
      while (waiting.hasNews && !waiting.isOver) {
        waiting.hasNews = false;
        const wanted = new Set<string>();
        const evaluation = await waiting.dependence.evaluate((open) => this.#watchTask(waiting, open, wanted));
        if (waiting.isOver) return;
        dropUnwanted(waiting, wanted);
        await this.#judge(waiting, evaluation);
      }
    } catch (fault) {
      if (waiting.isOver) return;
      this.#options.log.warn({ instanceId: waiting.instance.id, fault }, 'runs waited for cannot be read now');
      this.#lookAgainAt(waiting, this.#options.clock.now() + retryDelayMs);
    } finally {
      waiting.isLooking = false;
    }
  }

  /** D3. */
  #watchTask(waiting: Waiting, { instance, task }: OpenTask, wanted: Set<string>): void {
    const key = `${instance} ${task}`;
    wanted.add(key);
    if (waiting.taskWatches.has(key)) return;
    const watch = this.#options.tasks.watch(instance, task, () => this.#news(waiting));
    waiting.taskWatches.set(key, watch);
  }

  async #judge(waiting: Waiting, evaluation: Evaluation): Promise<void> {
    const { settings, zone, since } = waiting;
    const now = this.#options.clock.now();
    const verdict = verdictOf(evaluation, settings, now);
    if (verdict.kind === 'succeed') return this.#conclude(waiting, await this.#success(waiting, verdict.evidence));
    if (verdict.kind === 'fail') return this.#conclude(waiting, failure(evidenceWords(verdict.evidence, zone)));
    const deadlineAt = settings.deadlineMs === undefined ? undefined : since + settings.deadlineMs;
    if (deadlineAt !== undefined && now >= deadlineAt) return this.#conclude(waiting, overdue(waiting, evaluation));
    const dueAts = [verdict.dueAt, deadlineAt].filter((at) => at !== undefined);
    if (dueAts.length > 0) this.#lookAgainAt(waiting, Math.min(...dueAts));
  }

  /** D5. */
  #lookAgainAt(waiting: Waiting, at: number): void {
    const { clock } = this.#options;
    waiting.timer?.cancel();
    waiting.timer = clock.after(Math.max(0, at - clock.now()), () => this.#news(waiting));
  }

  async #success({ settings, zone }: Waiting, evidence: readonly Evidence[]): Promise<Conclusion> {
    const words = { evidence: evidenceWords(evidence, zone) };
    if (settings.passOutputs !== true) return { result: 'succeeded', ...words };
    const outputs: JsonRecord = {};
    for (const one of evidence) Object.assign(outputs, await this.#outputsOf(one));
    const sizeBytes = Buffer.byteLength(JSON.stringify(outputs));
    if (sizeBytes <= outputsSizeBytesMax) return { result: 'succeeded', outputs, ...words };
    const message = `the outputs passed on take ${sizeBytes} bytes; at most ${outputsSizeBytesMax} are kept`;
    return { result: 'failed', fault: { code: 'OUTPUT_TOO_LARGE', message }, ...words };
  }

  /** Those of the task that the item names, else those of the run. A declared output that fails is left out. */
  async #outputsOf({ item: { task }, finding }: Evidence): Promise<JsonRecord> {
    if (finding.instance === undefined) return {};
    const folded = await this.#options.host.fold(finding.instance);
    if (folded === undefined) return {};
    const { plan } = folded.actor;
    const { context } = folded.snapshot;
    if (task !== undefined && task !== '*') return taskStateOf(plan, context, task)?.context.outputs ?? {};
    const resolved = outputsOfRun({ plan, context });
    return resolved.ok ? resolved.values : {};
  }

  #conclude(waiting: Waiting, conclusion: Conclusion): void {
    if (waiting.isOver) return;
    const { clock, ids } = this.#options;
    const { instance, task, attemptId } = waiting;
    this.#forget(waiting);
    const command = { type: 'ConcludeTask', now: clock.now(), random: ids.random(), task, attemptId } as const;
    instance.send({ command: { ...command, ...conclusion }, causationId: `dependent.${attemptId}` });
  }

  #forget(waiting: Waiting): void {
    waiting.isOver = true;
    waiting.timer?.cancel();
    for (const watch of [...waiting.watches, ...waiting.taskWatches.values()]) watch.stop();
    waiting.taskWatches.clear();
    if (this.#waiting.get(waiting.attemptId) === waiting) this.#waiting.delete(waiting.attemptId);
  }
}

function failure(words: string): Conclusion {
  return { result: 'failed', fault: { code: 'DEPENDENT_FAILED', message: words }, evidence: words };
}

function overdue({ settings, zone }: Waiting, evaluation: Evaluation): Conclusion {
  const words =
    evaluation.kind === 'open' ? missingWords(evaluation.missing, zone) : evidenceWords(evaluation.evidence, zone);
  const message = `nothing came within ${settings.deadlineMs ?? 0} ms: ${words}`;
  return { result: 'failed', fault: { code: 'AWAIT_TIMED_OUT', message }, evidence: words };
}

function dropUnwanted({ taskWatches }: Waiting, wanted: ReadonlySet<string>): void {
  for (const [key, watch] of taskWatches) {
    if (wanted.has(key)) continue;
    watch.stop();
    taskWatches.delete(key);
  }
}
