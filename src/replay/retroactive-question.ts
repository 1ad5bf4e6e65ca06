/**
 * A question in CEL that is asked after every event of every run: where did it become true? It reads `run`, `event`, `task`
 * (the one that the event is about) and `tasks` (all, by name). Where a part of it is not there it is not true.
 */
import { checkExpression, type Evaluate, preparedExpression } from '../../actors/expressions/expression.ts';
import { at } from '../../actors/kit/persistent-vector.ts';
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import { AppError } from '../errors/app-error.ts';
import { metadataOf } from './event-origin.ts';
import { ReplayedRun } from './replayed-run.ts';
import type { RunHistory } from './run-history.ts';
import { changedIndexes } from './status-log.ts';
import { taskOfEvent } from './steps.ts';

/** An event after which it was true, and before which it was not. */
export type FoundPlace = { revision: number; atMs: number; type: string; task: string | undefined };

export type Answer = {
  eventCount: number;
  found: FoundPlace[];
  /** The first fault of the expression, and how often one came: a name that is missing is one. */
  fault: { count: number; message: string; revision: number } | undefined;
};

export class RetroactiveQuestion {
  readonly #evaluate: Evaluate;

  /** @throws AppError BAD_REQUEST when the text is no expression */
  constructor(text: string) {
    const checked = checkExpression(text);
    if (!checked.ok) {
      const place = checked.position === undefined ? '' : ` at character ${checked.position + 1}`;
      throw new AppError('BAD_REQUEST', `"${text}" is no expression${place}: ${checked.message}`);
    }
    this.#evaluate = preparedExpression(text);
  }

  /** @throws AppError HISTORY_INVALID when the run cannot be opened; what this build refuses is not asked about */
  ask(history: RunHistory): Answer {
    const run = new ReplayedRun(history);
    const tasks: JsonRecord = {};
    const found: FoundPlace[] = [];
    let fault: Answer['fault'];
    let wasTrue = false;
    for (let revision = 0; revision <= run.lastRevision; revision += 1) {
      noteTasks(run, revision, tasks);
      const result = this.#evaluate(variablesOf(run, revision, tasks));
      const isTrue = result.ok && result.value === true;
      if (!result.ok) fault = { count: (fault?.count ?? 0) + 1, ...(fault ?? { message: result.message, revision }) };
      if (isTrue && !wasTrue) found.push(placeAt(run, revision));
      wasTrue = isTrue;
    }
    return { eventCount: run.length, found, fault };
  }
}

function placeAt(run: ReplayedRun, revision: number): FoundPlace {
  const { type } = run.recorded(revision);
  return { revision, atMs: run.timeOf(revision), type, task: taskOfEvent(run, revision) };
}

/** Only what the event changed is made anew. */
function noteTasks(run: ReplayedRun, revision: number, tasks: JsonRecord): void {
  const before = revision === 0 ? undefined : run.at(revision - 1).snapshot.context.tasks;
  const after = run.at(revision).snapshot.context.tasks;
  for (const index of before === after ? [] : changedIndexes(before, after)) {
    const state = at(after, index);
    tasks[state.context.task] = taskVariable(state);
  }
}

function variablesOf(run: ReplayedRun, revision: number, tasks: JsonRecord): Record<string, JsonValue | undefined> {
  const { snapshot } = run.at(revision);
  const { definition, key, params, epoch, owner, round, counts, submittedAt, dryRun } = snapshot.context;
  const { type, data, ...rest } = run.recorded(revision);
  const { master = '' } = metadataOf({ type, data, ...rest });
  const task = taskOfEvent(run, revision);
  return {
    run: {
      workflow: definition?.name ?? '',
      version: definition?.version ?? 0,
      instance: run.history.instance ?? '',
      status: snapshot.value,
      key: key ?? '',
      params,
      epoch,
      owner: owner?.master ?? '',
      round,
      dryRun,
      counts: { ...counts },
      ageMs: run.timeOf(revision) - (submittedAt ?? 0),
    },
    // Reason for the cast: data of events are JSON records by their schemas.
    event: { type, data: data as JsonRecord, revision, at: run.timeOf(revision), master },
    task: task === undefined ? undefined : tasks[task],
    tasks,
  };
}

function taskVariable({ status, context }: TaskState): JsonValue {
  const { task, attempt, failures, losses, round, last, held, fault, outputs } = context;
  return {
    name: task,
    status,
    attempt,
    failures,
    losses,
    round,
    worker: last?.worker ?? '',
    held: held?.code ?? '',
    fault: fault?.code ?? '',
    outputs: outputs ?? {},
  };
}
