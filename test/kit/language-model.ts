/**
 * A plain model of the workflow language, to compare the machines with. It knows no events, snapshots or effects: only what
 * happened in the world to each task. What follows from that for others (waiting, blocked, skipped) is never stored; it is
 * worked out from the whole graph at each question, so that it is easy to believe.
 */
import type { Condition } from '../../schemas/definition/logic-settings.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Start } from '../../schemas/events/workflow-instance.events.ts';
import { selected, waysOf, withDescendants } from './model-graph.ts';
import { endOf, expand, isBad, isFailing, itemStatus, itemsOf, stopItems, takeTurns } from './model-map.ts';
import {
  type BadEnd,
  happenTo,
  isLive,
  type ModelTask,
  newTask,
  type OfTask,
  startAnew,
  statusOfBegun,
} from './model-task.ts';

type OfPerson = 'killed' | 'skipped' | 'forced';
type Scope = 'failed' | 'all' | 'tasks' | 'descendants';

export type Happening =
  /** `began`: a ready task that no worker runs. */
  | { kind: OfTask | OfPerson | 'isolated' | 'rejoined' | 'began'; task: string }
  | { kind: 'signalled'; name: string }
  | { kind: 'cleared'; scope: Scope; tasks: readonly string[] }
  /** `prioritised` changes the order in which tasks get a worker, and nothing else. */
  | { kind: 'admitted' | 'stopRequested' | 'pauseRequested' | 'resumed' | 'timedOutRun' | 'prioritised' };

/** What a submission may ask for. */
export type Wishes = { start?: Start; dryRun?: boolean };

/** `met`: what needs it may run, `dead`: is not on the way taken, `failed`: must not run. */
type Edge = 'open' | 'met' | 'dead' | 'failed';
type Known = Map<string, string>;

const ends = ['succeeded', 'failed', 'stopped', 'blocked', 'skipped'];
const bad = ['failed', 'stopped', 'blocked'];
const skippable = ['waiting', 'ready', 'delayed', 'backingOff', ...bad];
const underWay = ['assigned', 'accepted', 'running', 'awaiting', 'expanded', 'absent', 'cancelling'];

export class LanguageModel {
  private readonly tasks = new Map<string, ModelTask>();
  private readonly definition: WorkflowDefinition;
  private readonly lossesMax: number;
  private readonly signals = new Map<string, number>();
  /** By name, items of maps too, whether or not there are any now. */
  private readonly isolated = new Set<string>();
  /** Nothing begins any more: somebody stopped the run, or a failure or its timeout ended it. */
  private ending: 'stop' | 'failure' | undefined;
  private isPaused = false;
  /** Waits for its turn: nothing has begun. */
  private isQueued: boolean;
  /** Opened again, it waits for its turn anew: what may begin is held back. */
  private isQueuedAgain = false;
  private readonly isDry: boolean;

  constructor(definition: WorkflowDefinition, lossesMax: number, { start, dryRun = false }: Wishes = {}) {
    this.definition = definition;
    this.lossesMax = lossesMax;
    this.isQueued = definition.concurrency !== undefined;
    this.isDry = dryRun;
    const chosen = start === undefined ? undefined : selected(definition, start);
    for (const task of definition.tasks) this.tasks.set(task.name, newTask(task, chosen?.has(task.name) === false));
    this.makeReady();
  }

  happen(happening: Happening): void {
    switch (happening.kind) {
      case 'stopRequested':
      case 'timedOutRun':
        if (this.ending === undefined && !this.isComplete())
          this.endWith(happening.kind === 'stopRequested' ? 'stop' : 'failure');
        break;
      case 'pauseRequested':
      case 'resumed':
        this.isPaused = happening.kind === 'pauseRequested';
        break;
      case 'admitted':
        this.isQueued = false;
        this.isQueuedAgain = false;
        break;
      case 'prioritised':
        break;
      case 'cleared':
        this.clear(happening.scope, happening.tasks);
        break;
      case 'signalled':
        this.signal(happening.name);
        break;
      case 'isolated':
      case 'rejoined':
        if (happening.kind === 'isolated') this.isolated.add(happening.task);
        else this.isolated.delete(happening.task);
        break;
      default:
        this.happenTo(this.task(happening.task), happening.kind);
    }
    this.makeReady();
  }

  /** Whether a person may ask that now. */
  allows(asked: Happening): boolean {
    const statuses = this.statuses();
    const isOver = this.isComplete();
    const isInLine = this.isQueued || this.isQueuedAgain;
    if (!isOver && (this.ending !== undefined || isInLine)) return asked.kind === 'stopRequested';
    switch (asked.kind) {
      case 'skipped':
        return skippable.includes(statuses[asked.task] ?? '');
      case 'forced':
        return [...bad, 'skipped'].includes(statuses[asked.task] ?? '');
      case 'killed':
        return !isOver && !ends.includes(statuses[asked.task] ?? '');
      case 'cleared': {
        const names = this.cleared(asked.scope, asked.tasks);
        const isWhole = asked.scope !== 'all' || isOver;
        return isWhole && names.length > 0 && !names.some((name) => underWay.includes(statuses[name] ?? ''));
      }
      case 'rejoined':
        return !isOver && this.isolated.has(asked.task);
      default:
        return !isOver;
    }
  }

  /** The status of each task in the words of the task machine. */
  statuses(): Record<string, string> {
    const known: Known = new Map();
    const all = [...this.tasks].map(([name, task]) => [
      [name, this.statusOf(name, known)],
      ...itemsOf(task).map((item) => [item.definition.name, itemStatus(item)]),
    ]);
    return Object.fromEntries(all.flat());
  }

  isComplete(): boolean {
    const statuses = this.statuses();
    return [...this.tasks.keys()].every((name) => ends.includes(statuses[name] ?? ''));
  }

  /** Ready tasks that may be given to a worker, or begin to wait. */
  beginnable(): string[] {
    if (this.isPaused || this.isQueuedAgain) return [];
    const apart = withDescendants(this.definition, [...this.isolated]);
    const together = [...this.tasks].filter(([name]) => !apart.has(name));
    return together
      .flatMap(([, task]) => [task, ...itemsOf(task)])
      .filter(({ phase }) => phase === 'ready')
      .map(({ definition }) => definition.name as string)
      .filter((name) => !this.isolated.has(name));
  }

  /** How the run ends; meaningful when it is complete. */
  outcome(): 'succeeded' | 'failed' | 'stopped' {
    const statuses = this.statuses();
    const names = [...this.tasks.keys()];
    if (this.ending === 'stop' && names.some((name) => statuses[name] === 'stopped')) return 'stopped';
    const isGood = names.every((name) => this.isHarmless(name, statuses));
    return isGood && this.ending !== 'failure' ? 'succeeded' : 'failed';
  }

  private happenTo(task: ModelTask, kind: OfTask | OfPerson | 'began'): void {
    switch (kind) {
      case 'began':
        this.begin(task);
        return;
      case 'killed':
        Object.assign(task, { isKilled: true, isAbsent: false });
        if (isLive(task)) task.cancelledFor = 'stop';
        else this.endBadly(task, 'stopped');
        stopItemsOf(task);
        return;
      case 'skipped':
      case 'forced':
        this.redress(task, kind === 'skipped' ? 'skipped' : 'succeeded');
        return;
      default: {
        const end = happenTo(task, kind, this.lossesMax);
        if (end !== undefined) this.endBadly(task, end);
        if (kind === 'timedOut') stopItemsOf(task);
      }
    }
  }

  private begin(task: ModelTask): void {
    const { settings, delayMs } = task.definition;
    if (settings.type === 'switch') {
      const taken = settings.cases.find(({ when }) => when !== 'false');
      if (taken !== undefined && taken.when !== 'true') this.endBadly(task, 'failed');
      else this.choose(task, taken?.next ?? settings.otherwise);
    } else if (settings.type === 'conditions') {
      this.choose(task, this.holds(settings.when) ? settings.next : settings.otherwise);
    } else if (this.isDry) {
      task.phase = 'succeeded';
    } else if (delayMs !== undefined && !task.isDelayOver) {
      task.phase = 'delayed';
    } else if (settings.type === 'map') {
      if (!expand(task)) this.endBadly(task, 'failed');
    } else {
      Object.assign(task, { phase: 'awaiting', hasTried: true });
      if (settings.type === 'signal') this.takeSignal(settings.name);
    }
  }

  private choose(task: ModelTask, chosen: readonly string[]): void {
    Object.assign(task, { phase: 'succeeded', chosen });
  }

  private holds(condition: Condition): boolean {
    if ('all' in condition) return condition.all.every((part) => this.holds(part));
    if ('any' in condition) return condition.any.some((part) => this.holds(part));
    const status = this.statuses()[condition.task] ?? '';
    return condition.is === 'succeeded' ? status === 'succeeded' : bad.includes(status);
  }

  private signal(name: string): void {
    this.signals.set(name, (this.signals.get(name) ?? 0) + 1);
    this.takeSignal(name);
  }

  /** The first task that awaits it takes one. */
  private takeSignal(name: string): void {
    const kept = this.signals.get(name) ?? 0;
    const taker = [...this.tasks.values()].find(
      ({ phase, definition: { settings } }) =>
        phase === 'awaiting' && settings.type === 'signal' && settings.name === name,
    );
    if (taker === undefined || kept === 0) return;
    taker.phase = 'succeeded';
    this.signals.set(name, kept - 1);
  }

  /** Under the policy `end` this ends the run, unless a conditions task takes care of it. */
  private endBadly(task: ModelTask, phase: BadEnd): void {
    if (task.map !== undefined) {
      Object.assign(task, { phase, isAbsent: false, cancelledFor: undefined });
      if (task.map.phase === 'expanded' && isFailing(task.map)) stopItems(task.map);
      return;
    }
    const isLast = this.definition.failurePolicy === 'end' && !this.isHandled(task.definition.name);
    if (isLast && this.ending === undefined) this.endWith('failure', task);
    Object.assign(task, { phase, isAbsent: false, cancelledFor: undefined });
  }

  private endWith(ending: 'stop' | 'failure', except?: ModelTask): void {
    const statuses = this.statuses();
    this.ending = ending;
    this.isPaused = false;
    this.isQueued = false;
    this.isQueuedAgain = false;
    for (const [name, task] of this.tasks) {
      if (task === except || ends.includes(statuses[name] ?? '')) continue;
      task.isAbsent = false;
      if (isLive(task)) task.cancelledFor = 'stop';
      else task.phase = 'stopped';
      stopItemsOf(task);
    }
  }

  private clear(scope: Scope, tasks: readonly string[]): void {
    const names = this.cleared(scope, tasks);
    const renewed = names.map((name) => this.task(name));
    const items = scope === 'failed' ? renewed.flatMap(itemsOf).filter(isBad) : renewed.filter(({ map }) => map);
    this.reopen();
    for (const name of [...names, ...this.followers(names)]) startAnew(this.task(name));
    for (const name of names) this.task(name).isLeftOut = false;
    for (const item of items) startAnew(item);
    for (const { map } of items) if (map?.phase === 'expanded') expand(map);
    const keeps = (task: ModelTask) => scope === 'failed' || items.some(({ map }) => map === task);
    for (const task of renewed) if (!keeps(task) || tasks.includes(task.definition.name)) task.items = undefined;
  }

  /** What ended because of the former end of the task waits again. */
  private redress(task: ModelTask, phase: 'skipped' | 'succeeded'): void {
    const name = task.map?.definition.name ?? task.definition.name;
    const followers = ends.includes(this.statuses()[name] ?? '') ? this.followers([name]) : [];
    const isMapOver = task.map !== undefined && ends.includes(this.statuses()[name] ?? '');
    this.reopen();
    for (const follower of followers) startAnew(this.task(follower));
    if (task.map !== undefined && isMapOver) Object.assign(startAnew(task.map), { isLeftOut: false });
    task.phase = phase;
  }

  /** Blocked, skipped, or stopped with the run before they were tried: near and far. */
  private followers(names: readonly string[]): string[] {
    const statuses = this.statuses();
    const found = new Set<string>(names);
    for (const name of found) {
      for (const { definition, phase, hasTried, isKilled } of this.dependants(name)) {
        const status = statuses[definition.name] ?? '';
        const isUntried = status === 'stopped' && !hasTried && !isKilled;
        if (isUntried || (phase === 'idle' && ends.includes(status))) found.add(definition.name);
      }
    }
    return [...found].filter((name) => !names.includes(name));
  }

  /** An ended run goes on as if nobody had stopped or paused it. */
  private reopen(): void {
    if (!this.isComplete()) return;
    this.ending = undefined;
    this.isPaused = false;
    this.isQueuedAgain = this.definition.concurrency !== undefined;
  }

  private cleared(scope: Scope, tasks: readonly string[]): string[] {
    const statuses = this.statuses();
    if (scope === 'tasks' || scope === 'descendants') {
      const maps = tasks.map((name) => this.task(name).map?.definition.name ?? '');
      const named = [...tasks, ...maps].filter((name) => this.tasks.has(name));
      const all = scope === 'tasks' ? named : [...withDescendants(this.definition, named)];
      const items = tasks.filter((name) => !this.tasks.has(name));
      // A map that goes on only runs its items again.
      return [...items, ...all.filter((name) => !(maps.some((map) => map === name) && statuses[name] === 'expanded'))];
    }
    return [...this.tasks.keys()].filter(
      (name) => scope === 'all' || ['failed', 'stopped'].includes(statuses[name] ?? ''),
    );
  }

  /** Also ends maps, after which others may be ready, or everything is over. */
  private makeReady(): void {
    const statuses = this.statuses();
    for (const [name, task] of this.tasks) if (statuses[name] === 'ready') task.phase = 'ready';
    for (const task of this.tasks.values()) {
      if (task.phase !== 'expanded') continue;
      takeTurns(task);
      const end = endOf(task);
      if (end === undefined) continue;
      if (end === 'failed' || end === 'stopped') this.endBadly(task, end);
      else Object.assign(task, { phase: end, cancelledFor: undefined });
      this.makeReady();
    }
  }

  private statusOf(name: string, known: Known): string {
    const before = known.get(name);
    if (before !== undefined) return before;
    const task = this.task(name);
    const status = task.phase === 'idle' ? this.idleStatus(task, known) : statusOfBegun(task);
    known.set(name, status);
    return status;
  }

  private idleStatus({ definition, isLeftOut }: ModelTask, known: Known): string {
    if (this.isQueued) return 'waiting';
    const edges = definition.needs.map((need) => this.edge(need, definition, known));
    if (edges.includes('failed')) return 'blocked';
    if (edges.includes('open')) return 'waiting';
    const isOffTheWay = edges.length > 0 && !edges.includes('met');
    return isOffTheWay || isLeftOut || definition.enabled === false ? 'skipped' : 'ready';
  }

  private edge(from: string, { name, settings }: TaskDefinition, known: Known): Edge {
    const status = this.statusOf(from, known);
    const { chosen, definition, phase } = this.task(from);
    if (!ends.includes(status)) return 'open';
    if (status === 'skipped') {
      const isOffTheWay = phase === 'idle' && definition.needs.length > 0;
      return isOffTheWay && definition.needs.every((need) => this.edge(need, definition, known) === 'dead')
        ? 'dead'
        : 'met';
    }
    if (status !== 'succeeded') return settings.type === 'conditions' ? 'met' : 'failed';
    return chosen === undefined || chosen.includes(name) || !waysOf(definition).includes(name) ? 'met' : 'dead';
  }

  /** A conditions task needs it, and so takes care of its failure. */
  private isHandled(name: string): boolean {
    return this.dependants(name).some(({ definition }) => definition.settings.type === 'conditions');
  }

  private isHarmless(name: string, statuses: Record<string, string>): boolean {
    const status = statuses[name] ?? '';
    if (status === 'failed' || status === 'stopped') return this.isHandled(name);
    if (status !== 'blocked') return true;
    const failed = this.task(name).definition.needs.filter((need) => bad.includes(statuses[need] ?? ''));
    return failed.every((need) => this.isHarmless(need, statuses));
  }

  private dependants(name: string): ModelTask[] {
    return [...this.tasks.values()].filter(({ definition }) => definition.needs.some((need) => need === name));
  }

  private task(name: string): ModelTask {
    const [map = ''] = name.split('[');
    const item = (this.tasks.get(map)?.items ?? []).find(({ definition }) => definition.name === name);
    const task = this.tasks.get(name) ?? item;
    if (task === undefined) throw new Error(`the model has no task ${name}`);
    return task;
  }
}

function stopItemsOf(task: ModelTask): void {
  if (task.phase === 'expanded') stopItems(task);
}
