import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { at, entries } from '../../actors/kit/persistent-vector.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import type { RunHistory } from '../../src/replay/run-history.ts';
import { stateHashOf } from '../../src/replay/state-hash.ts';
import { findText, stepFrom, taskOfEvent } from '../../src/replay/steps.ts';
import { ownershipTaken, submitted, taskEvent } from '../actors/run-events.ts';
import { certifiedDefinition, certifiedHistory } from '../kit/certified-runs.ts';
import { fanOutOf } from '../kit/definitions.ts';
import { recordedOf } from '../kit/recorded.ts';
import { choicesOfRun, playedRun } from './random-history.ts';

const certified: RunHistory = {
  instance: undefined,
  definitions: [{ version: 1, definition: certifiedDefinition }],
  events: certifiedHistory('key-1'),
};

/** Long enough that states between the kept ones are folded. */
function longRun(taskCount: number): RunHistory {
  const names = Array.from({ length: taskCount }, (_, index) => `t${index}`);
  const lives = ['root', ...names, 'join'].flatMap((task, index) => [
    taskEvent('TaskAssigned', task, index + 1, { attempt: 1 }),
    taskEvent('TaskSucceeded', task, index + 1),
  ]);
  const events = recordedOf([submitted, ownershipTaken(1), ...lives], (revision) => 1_000 + revision);
  return { instance: undefined, definitions: [{ version: 1, definition: fanOutOf(taskCount) }], events };
}

describe('a replayed run', () => {
  it('has the state that its owner had after each event, in whatever order it is asked for (I5)', () => {
    fc.assert(
      fc.property(choicesOfRun, fc.array(fc.nat(), { maxLength: 30 }), (choices, places) => {
        const { history, live } = playedRun(choices);
        const run = new ReplayedRun(history);
        expect(run.broken).toBeUndefined();
        expect(run.length).toBe(live.length);
        const actor = workflowInstanceActor(planOf(JSON.parse(JSON.stringify(history.definitions[0]?.definition))));
        for (const place of [...places, ...live.keys()]) {
          const revision = place % live.length;
          const owned = live[revision];
          if (owned === undefined) throw new Error('no state was kept');
          const { snapshot } = run.at(revision);
          expect(JSON.stringify(actor.store(snapshot))).toBe(JSON.stringify(actor.store(owned)));
          expect(stateHashOf(actor.store(snapshot))).toBe(stateHashOf(actor.store(owned)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows for every task since when it has its status', () => {
    fc.assert(
      fc.property(choicesOfRun, (choices) => {
        const { history, live } = playedRun(choices);
        const run = new ReplayedRun(history);
        for (const [revision, { context }] of live.entries()) {
          for (const [index, { status, context: task }] of entries(context.tasks)) {
            const change = run.statuses.latest(task.task, revision);
            expect(change?.to).toBe(status);
            const before = (change?.revision ?? 0) - 1;
            const was = before < 0 ? undefined : live[before];
            if (was !== undefined) expect(at(was.context.tasks, index).status).toBe(change?.from);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('seeks between kept states, forward and back', () => {
    const run = new ReplayedRun(longRun(400));
    expect(run.length).toBe(806);
    for (const revision of [805, 0, 127, 128, 129, 500, 499, 3, -1, 805]) {
      expect(run.at(revision).snapshot.context.eventCount).toBe(revision + 1);
      expect(run.at(revision).revision).toBe(revision);
    }
    expect(() => run.at(806)).toThrow('there is no state at revision 806: expected 0 to 805');
    expect(() => run.at(1.5)).toThrow('expected 0 to 805');
  });

  it('finds the last event before a time, also where the clocks of owners disagree', () => {
    const run = new ReplayedRun(longRun(2));
    expect(run.revisionAt(999)).toBe(-1);
    expect(run.revisionAt(1_003)).toBe(3);
    expect(run.revisionAt(99_999)).toBe(run.lastRevision);
    const late = { ...(run.recorded(4).metadata as object), decidedAt: 7 };
    const events = run.history.events.map((event, index) => (index === 4 ? { ...event, metadata: late } : event));
    const skewed = new ReplayedRun({ ...run.history, events });
    expect(skewed.timeOf(4)).toBe(1_003);
    expect(skewed.revisionAt(1_003)).toBe(4);
  });

  it('opens a history that the machine refuses, up to that place, and says what it refused', () => {
    const events = certified.events
      .filter((_, index) => index !== 7)
      .map((event, revision) => ({ ...event, revision }));
    const run = new ReplayedRun({ ...certified, events });
    expect(run.broken).toEqual({
      revision: 7,
      message: 'the event TaskSucceeded cannot be taken in the state active',
    });
    expect(run.lastRevision).toBe(6);
    expect(() => run.at(7)).toThrow('there the machine refuses to go on');
    expect(run.recorded(10).type).toBe('WorkflowSucceeded');
  });

  it('needs the definition that its first event pins', () => {
    expect(() => new ReplayedRun({ ...certified, definitions: [] })).toThrow('pins version 1 of tested');
    expect(() => new ReplayedRun({ ...certified, events: [] })).toThrow('has no event');
    expect(() => new ReplayedRun({ ...certified, events: certified.events.slice(1) })).toThrow(
      'begins with OwnershipTaken, expected WorkflowSubmitted',
    );
  });

  it('steps by event, decision, task and change of owner, and stays where nothing follows', () => {
    const run = new ReplayedRun(certified);
    expect(stepFrom(run, 0, { by: 'event' }, 'forward')).toBe(1);
    expect(stepFrom(run, 11, { by: 'event' }, 'forward')).toBeUndefined();
    expect(stepFrom(run, 0, { by: 'event' }, 'back')).toBeUndefined();
    expect(stepFrom(run, 1, { by: 'owner' }, 'forward')).toBe(5);
    expect(stepFrom(run, 5, { by: 'owner' }, 'back')).toBe(1);
    expect(stepFrom(run, 3, { by: 'task', task: 'b' }, 'forward')).toBe(8);
    expect(run.recorded(8).type).toBe('TaskSucceeded');
    expect(taskOfEvent(run, 8)).toBe('a');
    expect(findText(run, 'heartbeat', 0)).toBe(5);
    expect(findText(run, 'heartbeat', 5)).toBe(5);
    expect(findText(run, 'no such text', 0)).toBeUndefined();
  });

  it('steps over all that one decision led to at once', () => {
    const joined = certified.events.map((event) => {
      if (event.revision !== 9) return event;
      return { ...event, metadata: { ...(event.metadata as object), causationId: 'cause-8' } };
    });
    const run = new ReplayedRun({ ...certified, events: joined });
    expect(stepFrom(run, 7, { by: 'decision' }, 'forward')).toBe(9);
    expect(stepFrom(run, 9, { by: 'decision' }, 'back')).toBe(7);
    expect(stepFrom(run, 8, { by: 'decision' }, 'back')).toBe(7);
    expect(stepFrom(run, 10, { by: 'decision' }, 'forward')).toBe(11);
  });
});
