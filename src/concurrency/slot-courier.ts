/**
 * Says to the owners of task groups who of this master's runs needs slots and who is done with them, until they have heard.
 *
 * S1 One message to a group is under way at a time, and they are numbered: of one that nobody answered it is not known when it
 *    arrives, and what it gives back may be in use again by then.
 * S2 A release is repeated until it is answered; a request is repeated now and then until its slots are granted.
 * S3 Who gives slots back and asks for them again in the same turn takes only an answer to that for a grant: what the group
 *    tells everybody may be of the time before. So may it be for the new owner of a run: the former one may have given back what
 *    it still has.
 */
import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type { SlotEnd, SlotHolder } from '../../schemas/events/task-group.events.ts';
import type { InstanceId, TaskGroupName, TaskName } from '../../schemas/ids.ts';
import type { SlotState, SlotStates, SlotSync } from '../../schemas/messages/concurrency.messages.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';

/** Slots that a task of a run needs now. */
export type WantedSlots = {
  group: TaskGroupName;
  holder: SlotHolder;
  slots: number;
  priority: Priority;
  /** Of the owner of the run, that a late message of a former owner is known as such. */
  epoch: number;
};

export type SlotCourierOptions = {
  /** @throws AppError when the owner of the group does not answer now */
  send: (group: TaskGroupName, sync: SlotSync) => Promise<SlotStates>;
  clock: Clock;
  log: Log;
  /** How often a request that waits is made again. Milliseconds. */
  repeatIntervalMs: number;
  onGranted: (holder: SlotHolder) => void;
  onWaiting: (holder: SlotHolder, reason: Extract<SlotState, { state: 'waiting' }>['reason']) => void;
};

type Entry = WantedSlots & { isGranted: boolean; isTold: boolean };
type Release = { holder: SlotHolder; why: SlotEnd; epoch: number };
type Line = {
  wanted: Map<string, Entry>;
  released: Map<string, Release>;
  /** Holders for whom only an answer is a grant (S3). */
  answersOnly: Set<string>;
  /** Of the last message (S1). */
  sequence: number;
  isSending: boolean;
  timer: Timer | undefined;
};

const gatherMs = 2;
const retryDelayMs = 250;
const messageLengthMax = 500;

export class SlotCourier {
  readonly #options: SlotCourierOptions;
  readonly #lines = new Map<TaskGroupName, Line>();
  /** What is wanted for each task, so that the end of one costs nothing for the others. */
  readonly #byTask = new Map<string, Set<Entry>>();
  #isStopped = false;

  constructor(options: SlotCourierOptions) {
    this.#options = options;
  }

  isGranted({ group, holder }: Pick<WantedSlots, 'group' | 'holder'>): boolean {
    return this.#lines.get(group)?.wanted.get(keyOf(holder))?.isGranted === true;
  }

  isAsked({ group, holder }: Pick<WantedSlots, 'group' | 'holder'>): boolean {
    return this.#lines.get(group)?.wanted.has(keyOf(holder)) === true;
  }

  /**
   * @param isGranted known already: the task has an attempt, and its slots with it
   * @param isInherited a former owner of the run may have asked, and given back (S3)
   */
  request(wanted: WantedSlots, { isGranted = false, isInherited = false } = {}): void {
    const line = this.#lineOf(wanted.group);
    const key = keyOf(wanted.holder);
    if (line.wanted.has(key)) return;
    if (isInherited && !isGranted) line.answersOnly.add(key);
    const entry = { ...wanted, isGranted, isTold: false };
    line.wanted.set(key, entry);
    const task = taskKeyOf(wanted.holder);
    this.#byTask.set(task, (this.#byTask.get(task) ?? new Set()).add(entry));
    this.#wake(wanted.group, line, gatherMs);
  }

  /** @param isOver false when the same turn may need the slots once more */
  release(wanted: Pick<WantedSlots, 'group' | 'holder' | 'epoch'>, why: SlotEnd, isOver = true): void {
    const { group, holder, epoch } = wanted;
    const line = this.#lineOf(group);
    if (isOver) line.answersOnly.delete(keyOf(holder));
    else line.answersOnly.add(keyOf(holder));
    this.#drop(line, keyOf(holder));
    line.released.set(keyOf(holder), { holder, why, epoch });
    this.#wake(group, line, gatherMs);
  }

  /** What is wanted for the task. */
  wantedFor(instance: InstanceId, task: TaskName): WantedSlots[] {
    return [...(this.#byTask.get(taskKeyOf({ instance, task })) ?? [])];
  }

  /** What is wanted of all groups. */
  all(): WantedSlots[] {
    return [...this.#lines.values()].flatMap(({ wanted }) => [...wanted.values()]);
  }

  /** What is wanted for any task of the run. */
  wantedOf(instance: InstanceId): WantedSlots[] {
    const found: WantedSlots[] = [];
    for (const { wanted } of this.#lines.values()) {
      for (const entry of wanted.values()) if (entry.holder.instance === instance) found.push(entry);
    }
    return found;
  }

  /** The run is another master's now, which says for itself what it needs. */
  forget(instance: InstanceId): void {
    for (const line of this.#lines.values()) {
      const { wanted, released } = line;
      for (const [key, { holder }] of wanted) if (holder.instance === instance) this.#drop(line, key);
      for (const [key, { holder }] of released) if (holder.instance === instance) released.delete(key);
      for (const key of line.answersOnly) if (key.startsWith(`${instance}/`)) line.answersOnly.delete(key);
    }
  }

  /** What the owner of a group has told everybody. */
  take({ group, states }: SlotStates): void {
    const line = this.#lines.get(group);
    if (line === undefined) return;
    for (const told of states) {
      const key = keyOf(told.holder);
      const entry = line.wanted.get(key);
      if (entry === undefined || !line.answersOnly.has(key)) this.#obey(entry, told);
      else {
        entry.isTold = false; // S3: asked again, for an answer.
        this.#wake(group, line, gatherMs);
      }
    }
  }

  #obey(entry: Entry | undefined, told: SlotState): void {
    if (entry === undefined || entry.isGranted) return;
    if (told.state === 'granted') {
      entry.isGranted = true;
      this.#options.onGranted(entry.holder);
    } else this.#options.onWaiting(entry.holder, told.reason);
  }

  stop(): void {
    this.#isStopped = true;
    for (const { timer } of this.#lines.values()) timer?.cancel();
  }

  #drop({ wanted }: Line, key: string): void {
    const entry = wanted.get(key);
    if (entry === undefined) return;
    wanted.delete(key);
    const task = taskKeyOf(entry.holder);
    const others = this.#byTask.get(task);
    others?.delete(entry);
    if (others?.size === 0) this.#byTask.delete(task);
  }

  #lineOf(group: TaskGroupName): Line {
    const known = this.#lines.get(group);
    if (known !== undefined) return known;
    const line: Line = {
      wanted: new Map(),
      released: new Map(),
      answersOnly: new Set(),
      sequence: 0,
      isSending: false,
      timer: undefined,
    };
    this.#lines.set(group, line);
    return line;
  }

  #wake(group: TaskGroupName, line: Line, delayMs: number): void {
    if (this.#isStopped || line.isSending) return;
    line.timer?.cancel();
    line.timer = this.#options.clock.after(delayMs, () => {
      line.timer = undefined;
      void this.#send(group, line);
    });
  }

  /** S1. */
  async #send(group: TaskGroupName, line: Line): Promise<void> {
    const { send, repeatIntervalMs, log } = this.#options;
    const requests = [...line.wanted.values()].filter(({ isTold }) => !isTold).slice(0, messageLengthMax);
    const releases = [...line.released.values()].slice(0, messageLengthMax);
    if (requests.length + releases.length === 0) {
      this.#repeatLater(group, line, repeatIntervalMs);
      return;
    }
    line.isSending = true;
    line.sequence += 1;
    let isAnswered = false;
    try {
      const told = await send(group, { sequence: line.sequence, requests: requests.map(requestOf), releases });
      isAnswered = true;
      for (const entry of requests) entry.isTold = true;
      for (const release of releases) {
        const key = keyOf(release.holder);
        if (line.released.get(key) === release) line.released.delete(key);
      }
      if (!this.#isStopped) this.#answered(line, told);
    } catch (fault) {
      log.debug({ group, fault }, 'the owner of a task group does not answer; asking again');
    } finally {
      line.isSending = false;
    }
    this.#wake(group, line, isAnswered ? gatherMs : retryDelayMs);
  }

  /** What was given back while the answer was under way, and asked for again, is not what it speaks of. */
  #answered(line: Line, { states }: SlotStates): void {
    for (const told of states) {
      const key = keyOf(told.holder);
      if (!line.released.has(key)) this.#obey(line.wanted.get(key), told);
    }
  }

  /** S2. */
  #repeatLater(group: TaskGroupName, line: Line, delayMs: number): void {
    const waiting = [...line.wanted.values()].filter(({ isGranted }) => !isGranted);
    if (waiting.length === 0 || this.#isStopped) return;
    line.timer = this.#options.clock.after(delayMs, () => {
      line.timer = undefined;
      for (const entry of line.wanted.values()) if (!entry.isGranted) entry.isTold = false;
      void this.#send(group, line);
    });
  }
}

const keyOf = ({ instance, task, round, turn }: SlotHolder): string => `${instance}/${task}/${round}/${turn}`;

const taskKeyOf = ({ instance, task }: Pick<SlotHolder, 'instance' | 'task'>): string => `${instance}/${task}`;

function requestOf({ holder, priority, slots, epoch }: Entry): SlotSync['requests'][number] {
  return { holder, priority, slots, epoch };
}
