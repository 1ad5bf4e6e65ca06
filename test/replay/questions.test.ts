import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, entries } from '../../actors/kit/persistent-vector.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskStateOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { TaskName } from '../../schemas/ids.ts';
import { causesOf } from '../../src/replay/causes.ts';
import { differenceOf } from '../../src/replay/difference.ts';
import { triggerText } from '../../src/replay/event-origin.ts';
import { closedWays, guardsOfEvent } from '../../src/replay/guards.ts';
import { lastPlacement, placementAt } from '../../src/replay/placement.ts';
import { commandsOfRun, commandsOfTask } from '../../src/replay/possible-commands.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { certifiedDefinition, certifiedHistory } from '../kit/certified-runs.ts';
import { choicesOfRun, playedRun } from './random-history.ts';

const taken = new ReplayedRun({
  instance: undefined,
  definitions: [{ version: 1, definition: certifiedDefinition }],
  events: certifiedHistory('key-1'),
});

const nameOf = (task: string) => task as TaskName;

describe('the difference of two moments', () => {
  it('names what the run, its tasks and what is owed have become', () => {
    const { run, tasks, effects } = differenceOf(taken.at(4), taken.at(7));
    expect(run.map(({ field, before, after }) => `${field} ${before} ${after}`)).toEqual([
      'epoch 1 2',
      'owner.claimRevision 1 2',
      'counts.assigned 0 1',
      'counts.running 1 0',
    ]);
    expect(tasks).toHaveLength(1);
    expect(tasks[0]?.task).toBe('a');
    expect(tasks[0]?.changes).toContainEqual({ field: 'losses', before: 0, after: 1 });
    expect(tasks[0]?.changes).toContainEqual({ field: 'status', before: 'running', after: 'assigned' });
    expect(effects.begun.map(({ type }) => type)).toEqual(['offerAttempt']);
  });

  it('is empty between a moment and itself, and turned round the other way', () => {
    fc.assert(
      fc.property(choicesOfRun, fc.nat(), fc.nat(), (choices, one, other) => {
        const { history, live } = playedRun(choices);
        const run = new ReplayedRun(history);
        const [a, b] = [run.at(one % live.length), run.at(other % live.length)];
        expect(differenceOf(a, a)).toMatchObject({ run: [], tasks: [], effects: { begun: [], settled: [] } });
        const [there, back] = [differenceOf(a, b), differenceOf(b, a)];
        expect(back.tasks.map(({ task }) => task)).toEqual(there.tasks.map(({ task }) => task));
        expect(back.effects.begun).toEqual(there.effects.settled);
        const isSame = (task: string) => !there.tasks.some((changed) => changed.task === task);
        for (const [index, { context, status }] of entries(a.snapshot.context.tasks)) {
          if (isSame(context.task)) expect(at(b.snapshot.context.tasks, index)).toEqual({ status, context });
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** The ways that the guards open are those that the state has gone. */
function compareWays(run: ReplayedRun, revision: number, after: WorkflowInstanceSnapshot): void {
  const [ofRun, ofTask] = ['run', 'task'].map((machine) =>
    guardsOfEvent(run, revision).find((check) => check.machine === machine && check.isTaken),
  );
  expect(ofRun?.target, `at ${revision}`).toBe(after.value);
  const { task } = run.event(revision).data as { task?: TaskName };
  if (ofTask === undefined || task === undefined) return;
  expect(ofTask.target).toBe(taskStateOf(run.plan, after.context, task)?.status);
}

describe('guards', () => {
  it('tell which way an event took, and which were closed before it', () => {
    const checks = guardsOfEvent(taken, 6);
    expect(checks.filter(({ machine }) => machine === 'task')).toEqual([
      expect.objectContaining({
        guard: 'isGivenUpLoss',
        holds: false,
        target: 'failed',
        why: 'the task may run again',
      }),
      expect.objectContaining({ guard: 'isCurrentWhileStopping', holds: false, why: 'nobody stops it' }),
      expect.objectContaining({ guard: 'isCurrentAttempt', holds: true, isTaken: true, target: 'ready' }),
    ]);
  });

  it('tell what stands against the end of a run and the begin of a task', () => {
    const run = closedWays(taken.at(4));
    expect(run.map(({ guard, target }) => `${guard} ${target}`)).toEqual([
      'endsAs succeeded',
      'endsAs failed',
      'endsAs stopped',
    ]);
    expect(run[0]?.why).toBe('2 tasks have not ended: a (running), b (waiting)');
    expect(closedWays(taken.at(4), 'b').map(({ why }) => why)).not.toContain('');
    expect(closedWays(taken.at(11))).toEqual([]);
  });

  it('agree with the machines: the way that is taken is the one that was gone', () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(choicesOfRun, (choices) => {
        const { history, live } = playedRun(choices);
        const run = new ReplayedRun(history);
        for (const [revision, after] of live.entries()) {
          const checks = guardsOfEvent(run, revision);
          for (const { why } of checks) expect(why).not.toContain('undefined');
          compareWays(run, revision, after);
          for (const { guard, holds } of checks) if (guard !== undefined) met.add(`${guard} ${holds}`);
        }
      }),
      { numRuns: 60 },
    );
    expect(met.size).toBeGreaterThan(20);
  });
});

describe('commands', () => {
  it('are possible, done or refused as the machine says', () => {
    const possible = (revision: number) =>
      commandsOfRun(taken.at(revision))
        .filter(({ answer }) => answer.kind === 'possible')
        .map(({ title }) => title);
    expect(possible(4)).toEqual(['pause', 'stop', 'change the priority']);
    expect(possible(11)).toEqual(['run everything again']);
    const refused = commandsOfTask(taken.at(4), nameOf('a')).find(({ title }) => title === 'declare its success');
    expect(refused?.answer).toMatchObject({ kind: 'refused', code: 'COMMAND_NOT_ALLOWED' });
    expect(commandsOfRun(taken.at(4)).find(({ title }) => title === 'resume')?.answer).toEqual({ kind: 'done' });
  });
});

describe('a placement', () => {
  it('names the candidates, and why one of them won', () => {
    expect(placementAt(taken, 7)).toMatchObject({ task: 'a', worker: 'worker-1', candidateCount: 1 });
    expect(placementAt(taken, 7)?.sentence).toBe('worker-1 was the only worker that could take it');
    expect(placementAt(taken, 8)).toBeUndefined();
    expect(lastPlacement(taken, 'a', 6)?.revision).toBe(2);
    expect(lastPlacement(taken, 'b', 6)).toBeUndefined();
  });

  it('names the winner first among several', () => {
    const events = taken.history.events.map((event) => {
      if (event.revision !== 7) return event;
      const candidates = ['worker-2', 'worker-1'].map((worker) => ({ worker, freeSlots: 1, load: 0.5 }));
      return {
        ...event,
        data: { ...(event.data as object), why: { balancer: 'leastBusyOfTwo', candidates, candidateCount: 5 } },
      };
    });
    const placement = placementAt(new ReplayedRun({ ...taken.history, events }), 7);
    expect(placement?.candidates.map(({ worker, isWinner }) => [worker, isWinner])).toEqual([
      ['worker-1', true],
      ['worker-2', false],
    ]);
    expect(placement?.sentence).toBe(
      'worker-1 (load 50 %, 1 free slots) was chosen among 5: of two that were drawn at random the less busy one wins',
    );
  });
});

describe('causes', () => {
  it('lead from an event back to what somebody asked for', () => {
    const causes = causesOf(taken, 10);
    expect(causes.map(({ revision, type }) => `${revision} ${type}`)).toEqual([
      '10 TaskSucceeded',
      '9 TaskAssigned',
      '8 TaskSucceeded',
      '7 TaskAssigned',
      '6 TaskLost',
      '4 TaskStarted',
      '3 TaskAccepted',
      '2 TaskAssigned',
      '0 WorkflowSubmitted',
    ]);
    expect(causes[1]?.because).toBe('b was ready: a, which it needs, had come that far');
    expect(causes.at(-1)?.because).toBe('the caller asked for it, with the key key-1 (correlation run-1)');
  });

  it('name the evidence of a takeover', () => {
    expect(causesOf(taken, 5)[0]?.because).toBe(
      'the reason was masterLost; evidence: master-1 on host-1: last heartbeat 5000 ms ago',
    );
  });

  it('say in words what made the owner decide', () => {
    expect(triggerText('report.a1.3')).toBe('a report of the worker (report.a1.3)');
    expect(triggerText('timer.retry.t1.2')).toBe('a timer of the owner (timer.retry.t1.2)');
    expect(triggerText('a4f1')).toBe('the message a4f1');
  });

  it('go back without end nowhere, and end at a person, a message or the submission', () => {
    fc.assert(
      fc.property(choicesOfRun, (choices) => {
        const { history, live } = playedRun(choices);
        const run = new ReplayedRun(history);
        for (const revision of live.keys()) {
          const causes = causesOf(run, revision);
          const places = causes.map((cause) => cause.revision);
          expect(places).toEqual(places.toSorted((a, b) => b - a));
          expect(new Set(places).size).toBe(places.length);
          expect(causes.at(-1)?.because).toMatch(/asked for it/);
        }
      }),
      { numRuns: 60 },
    );
  });
});
