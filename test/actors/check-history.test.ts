import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import type { HistoryEvent, Invariant } from '../../actors/invariants/history-event.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { languageArbitrary } from '../kit/language-definitions.ts';
import { type Recorded, recordedOf } from '../kit/recorded.ts';
import { choicesArbitrary, RandomRun } from './random-run.ts';
import {
  attemptIdOf,
  fault,
  now,
  ownershipTaken,
  runEvent,
  submitted,
  taskEvent,
  willRetry,
  workerIncarnation,
} from './run-events.ts';

const plan = planOf(workflowOf([taskOf('a', [], { retry: { attempts: 2 } }), taskOf('b', ['a'])]));

/** a fails once, its owner dies, a succeeds, b succeeds. */
const good: WorkflowInstanceEvent[] = [
  submitted,
  ownershipTaken(1),
  taskEvent('TaskAssigned', 'a', 1),
  taskEvent('TaskStarted', 'a', 1),
  taskEvent('TaskFailed', 'a', 1, willRetry),
  taskEvent('TaskRetryDue', 'a'),
  ownershipTaken(2),
  taskEvent('TaskAssigned', 'a', 2),
  taskEvent('TaskSucceeded', 'a', 2),
  taskEvent('TaskAssigned', 'b', 3, { attempt: 1 }),
  taskEvent('TaskAccepted', 'b', 3),
  taskEvent('TaskSucceeded', 'b', 3),
  runEvent('WorkflowSucceeded'),
];
const history = recordedOf(good);
const found = (events: readonly HistoryEvent[]) => checkHistory(plan, events).violations;

const without = (place: number) => recordedOf(good.toSpliced(place, 1));
const withEvent = (place: number, event: WorkflowInstanceEvent) => recordedOf(good.toSpliced(place, 0, event));
const changed = (place: number, change: (event: Recorded) => HistoryEvent) =>
  history.with(place, change(history[place] as Recorded) as Recorded);
const withMetadata = (place: number, metadata: object) =>
  changed(place, (event) => ({ ...event, metadata: { ...event.metadata, ...metadata } }));

describe('a good history', () => {
  it('has no violations', () => {
    expect(found(history)).toEqual([]);
  });

  it('has none at any of its prefixes: what is under way is pending or awaited', () => {
    for (let length = 0; length <= history.length; length += 1) expect(found(history.slice(0, length))).toEqual([]);
  });

  it('tells who owned it, when, and by which claim', () => {
    const owner = { master: 'master-1', host: 'host-1' };
    expect(checkHistory(plan, history).owners).toMatchObject([
      { epoch: 1, ...owner, claimRevision: 1, reason: 'created', first: { revision: 1 }, last: { revision: 5 } },
      { epoch: 2, ...owner, claimRevision: 2, reason: 'masterLost', first: { revision: 6 }, last: { revision: 12 } },
    ]);
    expect(checkHistory(plan, history).owners.map(({ eventCount }) => eventCount)).toEqual([5, 7]);
  });

  it('has no stale writes; one that is forged into it is named', () => {
    expect(checkHistory(plan, history).staleWrites).toEqual([]);
    const [stale] = checkHistory(plan, withMetadata(8, { epoch: 1 })).staleWrites;
    expect(stale).toMatchObject({ revision: 8, type: 'TaskSucceeded', epoch: 1, currentEpoch: 2 });
  });

  it('tells the life of each attempt', () => {
    const [first, second, third] = checkHistory(plan, history).attempts;
    expect(first).toEqual({
      attemptId: attemptIdOf(1),
      task: 'a',
      attempt: 1,
      worker: 'worker-1',
      workerIncarnation,
      why: expect.objectContaining({ balancer: 'leastBusyOfTwo', candidateCount: 1 }),
      life: [
        { revision: 2, type: 'TaskAssigned', at: now },
        { revision: 3, type: 'TaskStarted', at: now },
        { revision: 4, type: 'TaskFailed', at: now, reason: fault },
      ],
    });
    expect(second).toMatchObject({ attempt: 2, life: [{ revision: 7 }, { revision: 8 }] });
    expect(third).toMatchObject({ task: 'b', life: [{ revision: 9 }, { revision: 10 }, { revision: 11 }] });
  });

  it('is what every random run leaves', () => {
    fc.assert(
      fc.property(languageArbitrary(), choicesArbitrary, (definition, choices) => {
        const run = new RandomRun(workflowInstanceActor(planOf(definition)));
        run.play(choices);
        const events = recordedOf(run.recorded.map(({ event }) => event));
        expect(checkHistory(planOf(definition), JSON.parse(JSON.stringify(events))).violations).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

const unowned = recordedOf(good.toSpliced(1, 0, taskEvent('TaskHeld', 'a')));
const broken: [Invariant, string, readonly HistoryEvent[], string][] = [
  ['I1', 'an epoch is taken twice', withEvent(7, ownershipTaken(2)), 'expected 3'],
  ['I1', 'an epoch is left out', recordedOf(good.with(6, ownershipTaken(3))), 'expected 2'],
  ['I1', 'the former owner writes after the fence', withMetadata(7, { epoch: 1 }), 'after epoch 2 began'],
  ['I1', 'an epoch is named that nobody took', withMetadata(7, { epoch: 3 }), '2 is the current one'],
  ['I1', 'another master writes in the epoch', withMetadata(7, { master: 'master-9' }), 'in the epoch of master-1'],
  ['I1', 'something is decided before there is an owner', unowned, 'before the run had an owner'],
  ['I4', 'an attempt id is assigned twice', withEvent(9, taskEvent('TaskAssigned', 'b', 2)), 'was assigned before'],
  ['I4', 'two attempts of a task are live', withEvent(8, taskEvent('TaskAssigned', 'a', 9)), 'is live'],
  ['I4', 'two results of a task count', withEvent(9, taskEvent('TaskSucceeded', 'a', 2)), 'second result'],
  [
    'I4',
    'a task gets an attempt after its result',
    withEvent(9, taskEvent('TaskAssigned', 'a', 9)),
    'after its result',
  ],
  ['I4', 'a result is of an attempt that ended', withEvent(6, taskEvent('TaskSucceeded', 'a', 1)), 'not live'],
  ['I4', 'a result is of an attempt nobody assigned', without(7), 'not live'],
  [
    'I4',
    'an attempt number is left out',
    recordedOf(good.with(7, taskEvent('TaskAssigned', 'a', 2, { attempt: 3 }))),
    'expected 2',
  ],
  ['I5', 'an event does not fit the state', without(5), 'cannot be taken'],
  ['I5', 'a type is unknown', changed(3, (event) => ({ ...event, type: 'TaskDanced' })), 'not an event of a run'],
  ['I5', 'the data does not fit its schema', changed(3, (event) => ({ ...event, data: {} })), 'does not fit'],
  ['I5', 'the metadata does not fit its schema', withMetadata(3, { epoch: 'one' }), 'does not fit'],
  ['I9', 'something follows the end', recordedOf([...good, runEvent('WorkflowSucceeded')]), 'after the run ended'],
  [
    'I9',
    'the end is not what the tasks say',
    recordedOf(good.with(12, runEvent('WorkflowStopped'))),
    'cannot be taken',
  ],
  [
    'I9',
    'the end comes too early',
    recordedOf([...good.slice(0, 9), runEvent('WorkflowSucceeded')]),
    'cannot be taken',
  ],
  ['J4', 'a revision is missing', history.toSpliced(3, 1), 'expected revision 3, found 4'],
  ['J4', 'events are out of order', history.toSpliced(3, 2, history[4] as Recorded, history[3] as Recorded), 'found 4'],
];

describe('a broken history', () => {
  it.each(broken)('violates %s when %s', (invariant, _, events, message) => {
    const violations = found(events).filter((violation) => violation.invariant === invariant);
    expect(violations.map((violation) => violation.message).join('\n')).toContain(message);
    expect(events.map(({ revision }) => revision)).toContain(violations[0]?.revision);
  });

  it('violates I6 when the run owes nothing and awaits nothing', () => {
    // No sequence of events that the machine takes leads there; a plan that does not belong to the run does.
    const stuck = checkHistory(endlessPlan(), recordedOf(good.slice(0, 1)));
    expect(stuck.violations).toMatchObject([{ invariant: 'I6', revision: 0 }]);
  });

  it('reports each breach, in the order of the stream', () => {
    const events = withMetadata(3, { epoch: 0 }).concat(recordedOf([...good, taskEvent('TaskHeld', 'a')]).slice(13));
    expect(found(events).map(({ invariant }) => invariant)).toEqual(['I1', 'I9', 'I5']);
  });

  it('is reported without an exception, wherever an event is dropped, doubled or swapped', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(good.length - 1), (from, to) => {
        const event = history[from] as Recorded;
        for (const events of [history.toSpliced(from, 1), history.toSpliced(to, 0, event), history.with(to, event)]) {
          expect(() => checkHistory(plan, events)).not.toThrow();
        }
      }),
    );
  });
});

/** Two tasks that need each other: nothing can ever be placed. */
function endlessPlan() {
  return planOf(workflowOf([taskOf('a', ['b']), taskOf('b', ['a'])]));
}
