/**
 * Speed and memory of the pure core, in this process: parsing and folding whole histories, beside floors of the same run.
 *
 *     node --expose-gc --import tsx bench/fold.bench.ts
 *
 * Rates are per second of this process's processor time, so that they hold on a machine that does other work too; wall
 * time stands beside them. Without `--expose-gc` the memory is not measured.
 */
import { createMachine, initialTransition, transition } from 'xstate';
import { planOf } from '../actors/graph/plan.ts';
import { workflowInstanceActor } from '../actors/workflow-instance/workflow-instance.actor.ts';
import { eventSchemaOf } from '../schemas/events/registry.ts';
import type { WorkflowInstanceEvent } from '../schemas/events/workflow-instance.events.ts';
import { ownershipTaken, runEvent, submitted, taskEvent } from '../test/actors/run-events.ts';
import { chainOf, fanOutOf } from '../test/kit/definitions.ts';
import { type BenchRow, printRows, round } from './kit/statistics.ts';

type Line = { type: WorkflowInstanceEvent['type']; json: string };
type Rate = { perCpuSecond: number; perSecond: number };

const measureMs = 2_000;

/** Repeats the work for a while, after as much to warm up; `count` is what one turn does. */
function rateOf(count: number, work: () => void): Rate {
  for (const warmUpUntil = performance.now() + measureMs / 4; performance.now() < warmUpUntil; ) work();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  let turns = 0;
  for (; performance.now() - startedAt < measureMs; turns += 1) work();
  const wallSeconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { perCpuSecond: (turns * count * 1_000_000) / (user + system), perSecond: (turns * count) / wallSeconds };
}

/** A whole life: each task is assigned, accepted, started, succeeded. */
function historyOf(tasks: readonly string[]): WorkflowInstanceEvent[] {
  const lives = tasks.flatMap((task, index) =>
    (['TaskAssigned', 'TaskAccepted', 'TaskStarted', 'TaskSucceeded'] as const).map((type) =>
      taskEvent(type, task, index + 1, type === 'TaskAssigned' ? { attempt: 1 } : {}),
    ),
  );
  return [submitted, ownershipTaken(1), ...lives, runEvent('WorkflowSucceeded')];
}

function parse({ type, json }: Line): WorkflowInstanceEvent {
  return { type, data: eventSchemaOf(type).parse(JSON.parse(json)) } as WorkflowInstanceEvent;
}

type Figures = { parse: Rate; fold: Rate; both: Rate };

function measureFold(definition: ReturnType<typeof chainOf>): Figures {
  const actor = workflowInstanceActor(planOf(definition));
  const events = historyOf(definition.tasks.map(({ name }) => name));
  const lines: Line[] = events.map(({ type, data }) => ({ type, json: JSON.stringify(data) }));
  const fold = (next: Iterable<WorkflowInstanceEvent>) => {
    let snapshot = actor.initial();
    for (const event of next) snapshot = actor.fold(snapshot, event).snapshot;
    if (!actor.isFinished(snapshot)) throw new Error('the history did not end its run');
  };
  return {
    parse: rateOf(events.length, () => {
      for (const line of lines) parse(line);
    }),
    fold: rateOf(events.length, () => fold(events)),
    both: rateOf(events.length, () => {
      let snapshot = actor.initial();
      for (const line of lines) snapshot = actor.fold(snapshot, parse(line)).snapshot;
    }),
  };
}

type Floors = { transition: Rate; json: Rate };

function measureFloors(): Floors {
  const machine = createMachine({ initial: 'a', states: { a: { on: { turn: 'b' } }, b: { on: { turn: 'a' } } } });
  const lines = historyOf(['t0']).map(({ data }) => JSON.stringify(data));
  let [snapshot] = initialTransition(machine);
  return {
    transition: rateOf(100, () => {
      for (let count = 0; count < 100; count += 1) [snapshot] = transition(machine, snapshot, { type: 'turn' });
    }),
    json: rateOf(lines.length, () => {
      for (const line of lines) JSON.parse(line);
    }),
  };
}

/** Runs that wait for the report of their third task, kept as a master keeps them. */
function measureMemory(): number | undefined {
  const collectGarbage = globalThis.gc;
  if (collectGarbage === undefined) return undefined;
  const definition = chainOf(10);
  const actor = workflowInstanceActor(planOf(definition));
  const lines = historyOf(['t0', 't1', 't2'])
    .slice(0, -2)
    .map(({ type, data }) => ({ type, json: JSON.stringify(data) }));
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 10_000 }, () =>
    lines.reduce((snapshot, line) => actor.fold(snapshot, parse(line)).snapshot, actor.initial()),
  );
  collectGarbage();
  const bytes = process.memoryUsage().heapUsed - before;
  if (kept.some((snapshot) => actor.isFinished(snapshot))) throw new Error('a run that should wait has ended');
  return bytes;
}

const perSecond = ({ perCpuSecond, perSecond: wall }: Rate) =>
  `${Math.round(perCpuSecond)}/s of cpu, ${Math.round(wall)}/s`;
const ratio = (rate: Rate, floor: Rate) => `${round(rate.perCpuSecond / floor.perCpuSecond)} x`;

function rowsOf(what: string, { parse: parsing, fold, both }: Figures, floors: Floors, goal?: string): BenchRow[] {
  const withGoal = goal === undefined ? {} : { goal };
  return [
    {
      what: `${what}: parse JSON and schema`,
      value: perSecond(parsing),
      floor: `${Math.round(floors.json.perCpuSecond)}/s`,
      ratio: ratio(parsing, floors.json),
    },
    {
      what: `${what}: fold`,
      value: perSecond(fold),
      floor: `${Math.round(floors.transition.perCpuSecond)}/s`,
      ratio: ratio(fold, floors.transition),
    },
    { what: `${what}: parse and fold`, value: perSecond(both), ...withGoal },
  ];
}

function main(): void {
  const floors = measureFloors();
  printRows('Floors', [
    { what: 'XState transition() of a machine of two states', value: perSecond(floors.transition) },
    { what: 'JSON.parse of the data of an event', value: perSecond(floors.json) },
  ]);
  const chain = measureFold(chainOf(10));
  const narrow = measureFold(fanOutOf(100));
  const wide = measureFold(fanOutOf(10_000));
  const growth = narrow.fold.perCpuSecond / wide.fold.perCpuSecond;
  const bytes = measureMemory();
  printRows('Fold, in events', [
    ...rowsOf('chain of 10', chain, floors, '>= 30000/s'),
    ...rowsOf('fan-out of 100', narrow, floors),
    ...rowsOf('fan-out of 10,000', wide, floors),
    { what: 'cost of an event of 10,000 over one of 100', value: `${round(growth)} x`, goal: '<= 2 x' },
    {
      what: 'memory of 10,000 waiting runs of 10 tasks',
      value: bytes === undefined ? 'needs --expose-gc' : `${round(bytes / 1_048_576)} MiB of heap`,
    },
  ]);
}

main();
