/**
 * Makes golden histories from the real actors, with fixed ids and times. Run by hand, once per release:
 *
 *     node --import tsx test/kit/make-histories.ts 0.1               writes histories that do not exist yet
 *     node --import tsx test/kit/make-histories.ts 0.1 --snapshots   writes the snapshots of all histories anew
 *
 * A history that was released is never edited. The snapshot beside it may change when the state gets new fields; a
 * review sees what changed.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { planOf } from '../../actors/graph/plan.ts';
import { settle } from '../../actors/kit/settle.ts';
import { finalRefusalsMax } from '../../actors/task-instance/final-refusals.ts';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import {
  assign,
  attemptIdOf,
  conclude,
  fireTimer,
  hold,
  lose,
  nameOf,
  type ReportKind,
  reject,
  report,
  requestStop,
  resolveLost,
  returnAttempt,
  submitOwned,
  takeOwnership,
} from '../actors/run-events.ts';
import { chainOf, diamondOf, fanOutOf, taskOf, workflowOf } from './definitions.ts';
import { foldHistory, historiesFolder, readHistory } from './histories.ts';
import { type Recorded, recordedOf } from './recorded.ts';

/** A run on a stage: each thing that is told happens 100 ms after the one before. */
class Stage {
  readonly actor: WorkflowInstanceActor;
  #snapshot;
  readonly #events: WorkflowInstanceEvent[] = [];
  readonly #times: number[] = [];
  #now = 1_790_000_000_000;
  #attemptCount = 0;
  #places: boolean;

  constructor(definition: WorkflowDefinition, options: { places: boolean } = { places: true }) {
    this.actor = workflowInstanceActor(planOf(definition));
    this.#snapshot = this.actor.initial();
    this.#places = options.places;
    this.tell(submitOwned);
  }

  tell(...commands: WorkflowInstanceCommand[]): this {
    for (const command of commands) this.#settle(command);
    return this;
  }

  say(kind: ReportKind, task: string, attempt: number, more: object = {}): this {
    const command = report(kind, task, attempt) as Extract<WorkflowInstanceCommand, { type: 'RecordReport' }>;
    const times = { startedAt: this.#now, finishedAt: this.#now + 50 };
    const known = Object.fromEntries(Object.entries(times).filter(([field]) => field in command.report));
    return this.tell({ ...command, report: { ...command.report, ...known, ...more } } as WorkflowInstanceCommand);
  }

  /** The whole life of an attempt that succeeds. */
  run(task: string, attempt: number, outputs: object = {}): this {
    return this.say('accepted', task, attempt)
      .say('started', task, attempt)
      .say('succeeded', task, attempt, { outputs });
  }

  /** When the last command was told. */
  get now(): number {
    return this.#now;
  }

  get recorded(): Recorded[] {
    return recordedOf(this.#events, (revision) => this.#times[revision] ?? 0);
  }

  #settle(command: WorkflowInstanceCommand): void {
    // A timer fires late rather than early.
    this.#now += command.type === 'FireTimer' ? 5_000 : 100;
    const settled = settle(this.actor, this.#snapshot, this.#timed(command), (effect) => this.#answer(effect));
    if (settled.kind === 'rejected') throw new Error(`${command.type} was refused: ${settled.rejection.message}`);
    this.#snapshot = settled.snapshot;
    for (const event of settled.events) {
      this.#events.push(event);
      this.#times.push(this.#now);
    }
  }

  #answer(effect: WorkflowInstanceEffect): WorkflowInstanceCommand | undefined {
    if (effect.type === 'concludeWorkflow') return this.#timed(conclude);
    if (effect.type !== 'placeTask' || !this.#places) return undefined;
    this.#attemptCount += 1;
    return this.#timed(assign(effect.task, this.#attemptCount));
  }

  #timed(command: WorkflowInstanceCommand): WorkflowInstanceCommand {
    return { ...command, now: this.#now };
  }
}

const waits = { onWorkerLost: { policy: 'wait', returnLimitMs: 3_000 } } as const;
const retried = { retry: { attempts: 3 } };
const retryOf = (task: string, failures: number) => fireTimer(task, timerIds.retry(nameOf(task), failures));

type Scenario = { definition: WorkflowDefinition; play(definition: WorkflowDefinition): Stage };

const scenarios: Record<string, Scenario> = {
  'success-chain': {
    definition: chainOf(3, { params: { region: 'eu', limit: 10 } }),
    play: (definition) => new Stage(definition).run('t0', 1, { rows: 3 }).run('t1', 2, { ok: true }).run('t2', 3),
  },
  'fan-out-join': {
    definition: fanOutOf(5),
    play: (definition) => {
      const stage = new Stage(definition).run('root', 1);
      for (const attempt of [4, 2, 6, 3, 5]) stage.run(`t${attempt - 2}`, attempt);
      return stage.run('join', 7);
    },
  },
  'retry-then-success': {
    definition: workflowOf([taskOf('a', [], retried), taskOf('b', ['a'])]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .say('failed', 'a', 1)
        .tell(retryOf('a', 1))
        .say('failed', 'a', 2)
        .tell(retryOf('a', 2))
        .run('a', 3)
        .run('b', 4),
  },
  'failure-continue': {
    definition: diamondOf(),
    play: (definition) => new Stage(definition).run('a', 1).say('failed', 'b', 2).run('c', 3),
  },
  'failure-end': {
    definition: workflowOf([taskOf('a'), taskOf('b'), taskOf('c', ['b'])], { failurePolicy: 'end' }),
    play: (definition) => new Stage(definition).say('started', 'b', 2).say('failed', 'a', 1).say('cancelled', 'b', 2),
  },
  stop: {
    definition: diamondOf(),
    play: (definition) =>
      new Stage(definition)
        .run('a', 1)
        .say('started', 'b', 2)
        .tell({ ...requestStop, reason: 'wrong parameters' } as WorkflowInstanceCommand)
        .say('cancelled', 'b', 2)
        .say('succeeded', 'c', 3),
  },
  timeout: {
    definition: workflowOf([taskOf('a', [], { ...retried, timeoutMs: 500 })]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell(fireTimer('a', timerIds.timeout(attemptIdOf(1))))
        .say('cancelled', 'a', 1)
        .tell(retryOf('a', 1))
        .run('a', 2),
  },
  'worker-lost': {
    definition: chainOf(2),
    play: (definition) =>
      new Stage(definition)
        .say('started', 't0', 1)
        .tell({ ...lose('t0', 1), evidence: 'no responders for 3 s' } as WorkflowInstanceCommand)
        .say('succeeded', 't0', 1)
        .run('t0', 2)
        .run('t1', 3),
  },
  'lost-too-often': {
    definition: chainOf(2),
    play: (definition) => new Stage(definition).tell(lose('t0', 1), lose('t0', 2)).say('lost', 't0', 3),
  },
  'worker-returned': {
    definition: workflowOf([taskOf('a', [], { timeoutMs: 60_000, ...waits }), taskOf('b', ['a'])]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell({ ...lose('a', 1), evidence: 'no responders for 5 s' } as WorkflowInstanceCommand)
        .tell(takeOwnership(2), returnAttempt('a', 1))
        .say('succeeded', 'a', 1)
        .run('b', 2),
  },
  'worker-awaited-in-vain': {
    definition: workflowOf([taskOf('a', [], waits), taskOf('b', ['a'])]),
    play: (definition) => {
      const stage = new Stage(definition).say('accepted', 'a', 1).tell(lose('a', 1));
      const timerId = timerIds.workerReturn(attemptIdOf(1), stage.now);
      return stage.tell(fireTimer('a', timerId)).run('a', 2).run('b', 3);
    },
  },
  'loss-fails': {
    definition: workflowOf([taskOf('a', [], { onWorkerLost: { policy: 'fail' } }), taskOf('b', ['a']), taskOf('c')]),
    play: (definition) => new Stage(definition).say('started', 'a', 1).tell(lose('a', 1)).run('c', 2),
  },
  'loss-asks': {
    definition: workflowOf([
      taskOf('a', [], { onWorkerLost: { policy: 'ask' } }),
      taskOf('b', [], { onWorkerLost: { policy: 'ask' } }),
      taskOf('c', ['a']),
    ]),
    play: (definition) =>
      new Stage(definition)
        .say('started', 'a', 1)
        .tell(lose('a', 1), lose('b', 2), lose('a', 1, false))
        .tell(takeOwnership(2), resolveLost('a', 'retry'), resolveLost('b', 'fail', 'resolve-2'))
        .run('a', 3)
        .run('c', 4),
  },
  'stopped-while-absent': {
    definition: workflowOf([taskOf('a', [], { onWorkerLost: { policy: 'ask' } })]),
    play: (definition) => new Stage(definition).say('started', 'a', 1).tell(lose('a', 1), requestStop, lose('a', 1)),
  },
  'refused-for-good': {
    definition: chainOf(2),
    play: (definition) =>
      Array.from({ length: finalRefusalsMax }, (_, index) => index + 1).reduce(
        (stage, attempt) =>
          stage.tell({
            ...reject('t0', attempt),
            reason: { code: 'TASK_TYPE_UNKNOWN', message: 'the worker has no task type script' },
          } as WorkflowInstanceCommand),
        new Stage(definition),
      ),
  },
  takeover: {
    definition: chainOf(2),
    play: (definition) =>
      new Stage(definition)
        .say('accepted', 't0', 1)
        .tell(takeOwnership(2))
        .say('started', 't0', 1)
        .say('succeeded', 't0', 1)
        .tell(takeOwnership(3))
        .run('t1', 2),
  },
  'held-and-rejected': {
    definition: chainOf(1),
    play: (definition) =>
      new Stage(definition, { places: false })
        .tell(hold('t0'), assign('t0', 1), reject('t0', 1), assign('t0', 2))
        .run('t0', 2),
  },
};

function makeHistories(folder: string): void {
  for (const [name, { definition, play }] of Object.entries(scenarios)) {
    const file = `${folder}/${name}.jsonl`;
    if (existsSync(file)) continue;
    const lines = [{ format: 1, definition }, ...play(definition).recorded];
    writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  }
}

function makeSnapshots(folder: string, isAnew: boolean): void {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.jsonl'))) {
    const file = `${folder}/${name}`.replace(/\.jsonl$/, '.snapshot.json');
    if (existsSync(file) && !isAnew) continue;
    writeFileSync(file, `${JSON.stringify(foldHistory(readHistory(`${folder}/${name}`)), null, 1)}\n`);
  }
}

const [release, option] = process.argv.slice(2);
if (release === undefined) throw new Error('give the release: make-histories.ts 0.1 [--snapshots]');
const folder = `${historiesFolder}/${release}`;
mkdirSync(folder, { recursive: true });
makeHistories(folder);
makeSnapshots(folder, option === '--snapshots');
