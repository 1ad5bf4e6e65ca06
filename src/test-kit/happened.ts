/** What a test expects after something happened. What is not so is thrown, with what was found in its place. */
import { AssertionError } from 'node:assert';
import type { Rejection } from '../../actors/kit/decider.ts';
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import { explain } from '../../actors/workflow-instance/explain.ts';
import { runStatusOf, taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { ErrorCode } from '../../schemas/errors.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { RunStatus } from '../../schemas/messages/client.messages.ts';
import { nearestName } from '../definitions/nearest-name.ts';
import { AppError } from '../errors/app-error.ts';
import { runFileLines } from '../replay/run-file.ts';
import type { RunHistory } from '../replay/run-history.ts';
import { type EventPattern, eventText, fits, isPartOf, patternText } from './event-patterns.ts';
import type { Happening } from './happenings.ts';
import type { PlayedRun } from './played-run.ts';
import { type Duration, durationMs } from './scenario.ts';

/** Where a task stands. Fields that a test does not name may be anything. */
export type TaskView = {
  readonly status: TaskState['status'];
  readonly attempts: number;
  readonly worker: string | undefined;
  readonly outputs: JsonRecord;
  /** The code of its last fault. */
  readonly fault: string | undefined;
  /** Why it waits for a worker, as a code. */
  readonly held: string | undefined;
};

/** The run so far, for what the words below do not say. */
export type RunView = {
  readonly status: RunStatus;
  readonly events: readonly WorkflowInstanceEvent[];
  /** Since its submission, in virtual time. */
  readonly elapsedMs: number;
  task(name: string): TaskView;
  /** Why the task is where it is. */
  why(name: string): string;
  /** For the library of the replay; `file()` is the same as text, for `millrace replay`. */
  readonly history: RunHistory;
  file(): string;
};

export class Happened {
  readonly #run: PlayedRun;
  readonly #what: string;
  readonly #from: number;
  readonly #rejection: Rejection | undefined;
  #isRejectionSeen = false;

  constructor(run: PlayedRun, happenings: readonly Happening[]) {
    this.#run = run;
    this.#from = run.recorded.length;
    this.#what = happenings.length === 0 ? 'the run goes on' : happenings.map(({ text }) => text).join(', ');
    run.submit();
    let rejection: Rejection | undefined;
    for (const [index, happening] of happenings.entries()) {
      rejection = happening.happen(run, index === 0 ? this.#from : run.recorded.length) ?? rejection;
    }
    this.#rejection = rejection;
    if (happenings.at(-1)?.isStop !== true) run.goOn();
  }

  /** Something more; without anything the run goes on by itself. */
  when(...happenings: Happening[]): Happened {
    this.#seeRejection();
    return new Happened(this.#run, happenings);
  }

  /** These events since then, and no others. */
  // biome-ignore lint/suspicious/noThenProperty: "given, when, then" is the language; who awaits it all the same is answered.
  then(...patterns: EventPattern[]): this {
    const [first] = patterns as unknown[];
    if (typeof first === 'function') {
      // A test runner awaits what a test returns.
      first();
      return this;
    }
    const events = this.#events();
    const isSame = events.length === patterns.length && patterns.every((one, at) => fits(one, events[at] as never));
    if (!isSame) this.#fail('expected these events', patterns.map(patternText), this.#found(patterns));
    return this;
  }

  /** These in this order; others may stand between them. */
  thenAmong(...patterns: EventPattern[]): this {
    let from = 0;
    const events = this.#events();
    for (const pattern of patterns) {
      const found = events.findIndex((event, index) => index >= from && fits(pattern, event));
      if (found === -1) {
        this.#fail(
          `expected ${patternText(pattern)} among the events`,
          patterns.map(patternText),
          this.#found(patterns),
        );
      }
      from = found + 1;
    }
    return this;
  }

  thenNever(...patterns: EventPattern[]): this {
    const wrong = this.#events().find((event) => patterns.some((pattern) => fits(pattern, event)));
    if (wrong !== undefined) this.#fail('expected none of these events', patterns.map(patternText), [eventText(wrong)]);
    return this;
  }

  /** The run has ended in this way. */
  thenEnds(status: 'succeeded' | 'failed' | 'stopped'): this {
    return this.thenStatus(status);
  }

  thenStatus(status: RunStatus): this {
    this.#seeRejection();
    const found = this.run.status;
    if (found !== status) this.#fail(`expected the run to be ${status}`, status, `${found}${this.#whyNot()}`);
    return this;
  }

  thenTask(name: string, expected: Partial<TaskView>): this {
    this.#seeRejection();
    const view = this.run.task(name);
    const wrong = Object.entries(expected).filter(([field, value]) => !isPartOf(value, view[field as keyof TaskView]));
    if (wrong.length === 0) return this;
    const found = Object.fromEntries(wrong.map(([field]) => [field, view[field as keyof TaskView]]));
    return this.#fail(`expected of the task ${name}`, Object.fromEntries(wrong), found);
  }

  /** The run, and each of its tasks, is where the other one is: for runs whose owners died at different places. */
  thenEndsAs(other: Happened): this {
    this.#seeRejection();
    const [expected, found] = [endOf(other.#run), endOf(this.#run)];
    if (JSON.stringify(found) !== JSON.stringify(expected)) this.#fail('expected the same end', expected, found);
    return this;
  }

  /** Since its submission, in virtual time. */
  thenElapsed(duration: Duration): this {
    const { elapsedMs } = this.run;
    const expected = durationMs(duration);
    if (elapsedMs !== expected) this.#fail('expected so many milliseconds since the submission', expected, elapsedMs);
    return this;
  }

  /** The command was refused with this code. */
  thenRejected(code: ErrorCode): this {
    this.#isRejectionSeen = true;
    const found = this.#rejection?.code ?? 'no refusal';
    if (found !== code) this.#fail('expected a refusal', code, found);
    return this;
  }

  get run(): RunView {
    const run = this.#run;
    return {
      status: runStatusOf(run.snapshot.value),
      events: run.recorded as unknown as readonly WorkflowInstanceEvent[],
      elapsedMs: run.time.now() - run.startedAtMs,
      task: (name) => taskView(run, name),
      why: (name) => whyOf(run, name),
      history: run.history,
      file: () => [...runFileLines(run.history, 'test kit')].join(''),
    };
  }

  #events(): WorkflowInstanceEvent[] {
    this.#seeRejection();
    return this.#run.recorded.slice(this.#from) as unknown as WorkflowInstanceEvent[];
  }

  #seeRejection(): void {
    if (this.#rejection === undefined || this.#isRejectionSeen) return;
    this.#fail('expected the command to be taken', 'no refusal', `${this.#rejection.code}: ${this.#rejection.message}`);
  }

  /** Each event in the words of the pattern that stands in its place, where it fits that one. */
  #found(patterns: readonly EventPattern[]): string[] {
    return this.#events().map((event, index) => {
      const pattern = patterns[index];
      return pattern !== undefined && fits(pattern, event) ? patternText(pattern) : eventText(event);
    });
  }

  #whyNot(): string {
    const { actor, snapshot } = this.#run;
    if (actor.isFinished(snapshot)) return '';
    const open = actor.plan.tasks.flatMap(({ definition: { name } }) => {
      const explained = explain(actor.plan, snapshot, name);
      const isOver = taskStateOf(actor.plan, snapshot.context, name)?.context.finishedAt !== null;
      return explained === undefined || isOver ? [] : [explained.sentence];
    });
    return open.length === 0 ? '' : `: ${open.slice(0, 3).join(' ')}`;
  }

  #fail(expectation: string, expected: unknown, actual: unknown): never {
    const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value, undefined, 2));
    const head = `when ${this.#what}: ${expectation}`;
    const message = `${head}\nexpected: ${shown(expected)}\nfound:    ${shown(actual)}`;
    throw new AssertionError({ message, expected, actual, operator: 'then', stackStartFn: this.#fail });
  }
}

/** Times and workers may differ. */
function endOf(run: PlayedRun) {
  const tasks = run.actor.plan.tasks.map(({ definition: { name } }) => {
    const { status, outputs } = taskView(run, name);
    return [name, { status, outputs }];
  });
  return { status: runStatusOf(run.snapshot.value), tasks: Object.fromEntries(tasks) };
}

function taskView(run: PlayedRun, name: string): TaskView {
  const { status, context } = stateIn(run, name);
  return {
    status,
    attempts: context.attempt,
    worker: context.last?.worker,
    outputs: context.outputs ?? {},
    fault: context.fault?.code,
    held: status === 'ready' ? context.held?.code : undefined,
  };
}

function stateIn({ actor, snapshot }: PlayedRun, name: string): TaskState {
  const state = taskStateOf(actor.plan, snapshot.context, name as TaskName);
  if (state !== undefined) return state;
  const names = actor.plan.tasks.map(({ definition }) => definition.name);
  const nearest = nearestName(name, names);
  const hint = nearest === undefined ? `it has ${names.join(', ')}` : `did you mean ${nearest}?`;
  throw new AppError('BAD_REQUEST', `the run has no task ${name}; ${hint}`);
}

function whyOf(run: PlayedRun, name: string): string {
  const state = stateIn(run, name);
  return explain(run.actor.plan, run.snapshot, state.context.task)?.sentence ?? '';
}
