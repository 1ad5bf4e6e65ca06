/**
 * Speed of the replay: opening, seeking, verifying and asking, for one run of 100,000 events and for 10,000 small runs,
 * beside the floor of a bare loop of XState's `transition()` over as many events.
 *
 *     npm run bench:replay
 */
import { createMachine, initialTransition, transition } from 'xstate';
import { planOf } from '../actors/graph/plan.ts';
import { workflowInstanceActor } from '../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowDefinition } from '../schemas/definition/workflow.definition.ts';
import { verifyHistory } from '../src/replay/divergence.ts';
import { ReplayedRun } from '../src/replay/replayed-run.ts';
import { RetroactiveQuestion } from '../src/replay/retroactive-question.ts';
import { parseRunFile, runFileLines } from '../src/replay/run-file.ts';
import { type RunHistory, readEvent } from '../src/replay/run-history.ts';
import { ownershipTaken, runEvent, submitted, taskEvent } from '../test/actors/run-events.ts';
import { chainOf, taskOf, workflowOf } from '../test/kit/definitions.ts';
import { recordedOf } from '../test/kit/recorded.ts';
import { type BenchRow, printRows, quantile, round } from './kit/statistics.ts';

/** A root, many tasks that need it, and a join: 4 events for each task. */
const largeTaskCount = 24_999;
const smallRunCount = 10_000;
const seekCount = 500;

function largeDefinition(): WorkflowDefinition {
  const leaves = Array.from({ length: largeTaskCount - 2 }, (_, index) => `t${index}`);
  return workflowOf([taskOf('root'), ...leaves.map((name) => taskOf(name, ['root'])), taskOf('join', leaves)]);
}

/** Each task is assigned, accepted, started, succeeded. */
function historyOf(definition: WorkflowDefinition): RunHistory {
  const lives = definition.tasks.flatMap(({ name }, index) =>
    (['TaskAssigned', 'TaskAccepted', 'TaskStarted', 'TaskSucceeded'] as const).map((type) =>
      taskEvent(type, name, index + 1, type === 'TaskAssigned' ? { attempt: 1 } : {}),
    ),
  );
  const events = recordedOf(
    [submitted, ownershipTaken(1), ...lives, runEvent('WorkflowSucceeded')],
    (revision) => revision,
  );
  return { instance: undefined, definitions: [{ version: 1, definition }], events };
}

function timed<T>(work: () => T): { result: T; ms: number } {
  const startedAt = performance.now();
  const result = work();
  return { result, ms: performance.now() - startedAt };
}

/** Events a second of the machine's own step, and of our fold of events that were read before. */
function floors(history: RunHistory): { transition: number; fold: number } {
  const machine = createMachine({ initial: 'a', states: { a: { on: { turn: 'b' } }, b: { on: { turn: 'a' } } } });
  const count = history.events.length;
  let [snapshot] = initialTransition(machine);
  const bare = timed(() => {
    for (let index = 0; index < count; index += 1) [snapshot] = transition(machine, snapshot, { type: 'turn' });
  });
  const definition = history.definitions[0]?.definition ?? chainOf(1);
  const actor = workflowInstanceActor(planOf(definition));
  const read = history.events.map(readEvent);
  const fold = timed(() => read.reduce((state, event) => actor.fold(state, event).snapshot, actor.initial()));
  return { transition: (count * 1_000) / bare.ms, fold: (count * 1_000) / fold.ms };
}

const rate = (count: number, ms: number) => Math.round((count * 1_000) / ms);

function measureLarge(): BenchRow[] {
  const history = historyOf(largeDefinition());
  const text = [...runFileLines(history)].join('');
  const { length } = history.events;
  const floor = floors(history);
  const parsed = timed(() => parseRunFile(text, 'large'));
  const opened = timed(() => new ReplayedRun(parsed.result));
  const run = opened.result;
  const seeks = Array.from({ length: seekCount }, (_, index) => timed(() => run.at((index * 7_919) % length)).ms);
  const verified = timed(() => verifyHistory(history));
  if (verified.result.divergence !== undefined) throw new Error(verified.result.divergence.message);
  const asked = timed(() => new RetroactiveQuestion('task.failures >= 2').ask(history));
  const shown = `${Math.round(floor.transition)}/s`;
  const against = (perSecond: number) => ({ floor: shown, ratio: `${round(perSecond / floor.transition)} x` });
  return [
    {
      what: `fold of ${length} events that were read before`,
      value: `${Math.round(floor.fold)}/s`,
      ...against(floor.fold),
    },
    { what: 'read the file', value: `${Math.round(parsed.ms)} ms` },
    {
      what: 'open',
      value: `${Math.round(opened.ms)} ms, ${rate(length, opened.ms)}/s`,
      ...against(rate(length, opened.ms)),
    },
    { what: 'read and open', value: `${Math.round(parsed.ms + opened.ms)} ms`, goal: '<= 3000 ms' },
    { what: 'seek, p50', value: `${round(quantile(seeks, 0.5))} ms` },
    { what: 'seek, worst', value: `${round(Math.max(...seeks))} ms`, goal: '<= 50 ms' },
    { what: 'verify', value: `${rate(length, verified.ms)}/s`, ...against(rate(length, verified.ms)) },
    { what: 'ask', value: `${rate(length, asked.ms)}/s`, ...against(rate(length, asked.ms)) },
  ];
}

function measureSmall(): BenchRow[] {
  const history = historyOf(chainOf(4));
  const events = history.events.length * smallRunCount;
  const question = new RetroactiveQuestion('task.failures >= 2');
  const each = (work: () => void) =>
    timed(() => {
      for (let index = 0; index < smallRunCount; index += 1) work();
    }).ms;
  const row = (what: string, ms: number): BenchRow => ({
    what,
    value: `${rate(smallRunCount, ms)} runs/s, ${rate(events, ms)} events/s`,
  });
  return [
    row(
      'open',
      each(() => void new ReplayedRun(history)),
    ),
    row(
      'verify',
      each(() => void verifyHistory(history)),
    ),
    row(
      'ask',
      each(() => void question.ask(history)),
    ),
  ];
}

printRows(`One run of ${largeTaskCount} tasks`, measureLarge());
printRows(`${smallRunCount} runs of 4 tasks`, measureSmall());
