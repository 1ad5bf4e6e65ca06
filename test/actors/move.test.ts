/** A run that goes on by another version of its workflow: when it may, what becomes of its tasks, and what is remembered. */
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import { entries } from '../../actors/kit/persistent-vector.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Digest } from '../../schemas/ids.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given, type Step } from '../kit/given.ts';
import { recordedOf } from '../kit/recorded.ts';
import {
  assign,
  conclude,
  definitionReference,
  nameOf,
  now,
  ownershipTaken,
  report,
  runEvent,
  submitted,
  taskEvent,
} from './run-events.ts';

const to = { ...definitionReference, version: 2, digest: '2'.repeat(64) as Digest };
const pause = [runEvent('WorkflowPauseRequested'), runEvent('WorkflowPaused')];
const moveEvent = runEvent('WorkflowMoved');
const resume: WorkflowInstanceCommand = { type: 'RequestResume', now, key: 'resume-1', by: 'ann' };
const done = (task: string, attempt: number) => [assign(task, attempt), report('succeeded', task, attempt)];

function moveTo(definition: WorkflowDefinition, key = 'move-1'): WorkflowInstanceCommand {
  return { type: 'MoveVersion', now, key, by: 'ann', to, definition };
}

const old = workflowOf([taskOf('a'), taskOf('b', ['a']), taskOf('c', ['b'])]);
const started = (definition: WorkflowDefinition, ...steps: Step[]) =>
  given(definition, submitted, ownershipTaken(1), ...steps);
/** a has succeeded, b is ready, c waits. */
const paused = () => started(old, ...done('a', 1), ...pause);

function statuses({ snapshot }: Given): Record<string, string> {
  return Object.fromEntries(
    [...entries(snapshot.context.tasks)].map(([, { status, context }]) => [context.task, status]),
  );
}

function reasonsOf(run: Given, definition: WorkflowDefinition): string {
  const decision = run.actor.decide(run.snapshot, moveTo(definition));
  if (decision.kind === 'events') throw new Error('it may be moved');
  expect(decision.rejection.code).toBe('COMMAND_NOT_ALLOWED');
  return decision.rejection.message;
}

describe('a paused run', () => {
  const next = workflowOf([
    taskOf('first'),
    taskOf('a'),
    { ...taskOf('b', ['a']), timeoutMs: 5_000 },
    taskOf('between', ['b', 'first']),
    taskOf('d', ['between', 'a']),
  ]);

  it('keeps what has ended; the rest are the tasks of the new version', () => {
    const moved = paused().and(moveTo(next));
    expect(statuses(moved)).toEqual({ first: 'ready', a: 'succeeded', b: 'ready', between: 'waiting', d: 'waiting' });
    expect(moved.snapshot.context).toMatchObject({ definition: to, pause: { by: 'ann' } });
    expect(moved.snapshot.context.counts).toMatchObject({ ready: 2, waiting: 2, succeeded: 1 });
  });

  it('places what may begin when it is resumed, and ends by the new version', () => {
    const moved = paused().and(moveTo(next));
    const placed = (task: string) => ({ type: 'placeTask' as const, task: nameOf(task) });
    moved.when(resume).thenTypes('WorkflowResumed').andEffects(placed('first'), placed('b'));
    const ended = moved.and(
      resume,
      ...done('first', 2),
      ...done('b', 3),
      ...done('between', 4),
      ...done('d', 5),
      conclude,
    );
    expect(ended.snapshot.value).toBe('succeeded');
  });

  it('ends at once when nothing is left', () => {
    const { actor, snapshot } = paused();
    const shorter = workflowOf([taskOf('a')]);
    const decision = actor.decide(snapshot, moveTo(shorter));
    if (decision.kind === 'rejected') throw new Error(decision.rejection.message);
    const [event] = decision.events;
    if (event === undefined) throw new Error('nothing was decided');
    expect(actor.fold(snapshot, event).effects).toEqual([{ type: 'concludeWorkflow' }]);
  });

  it('is moved once under one key, and not to the version that it has', () => {
    const moved = paused().and(moveTo(next));
    moved.when(moveTo(next)).thenNothing();
    moved.when(moveTo(next, 'move-2')).thenNothing();
  });

  it('may be moved again', () => {
    const third = { ...to, version: 3, digest: '3'.repeat(64) as Digest };
    const again = { type: 'MoveVersion', now, key: 'move-2', by: 'ann', to: third, definition: old } as const;
    expect(statuses(paused().and(moveTo(next), again))).toEqual({ a: 'succeeded', b: 'ready', c: 'waiting' });
  });

  it('goes on from a stored snapshot as if it had never been stored', () => {
    const moved = paused().and(moveTo(next));
    const restored = moved.actor.restore(JSON.parse(JSON.stringify(moved.actor.store(moved.snapshot))));
    const step = runEvent('WorkflowResumed');
    const one = moved.actor.store(moved.actor.fold(restored, step).snapshot);
    expect(one).toEqual(moved.actor.store(moved.actor.fold(moved.snapshot, step).snapshot));
  });

  it('has the parameters that it was given, and the new defaults of the others', () => {
    const params = { mine: 1, theirs: 2 };
    const begun = { ...submitted, data: { ...submitted.data, params, given: ['mine'] } } as typeof submitted;
    const run = given({ ...old, params: { mine: 0, theirs: 2 } }, begun, ownershipTaken(1), ...pause);
    const moved = run.and(moveTo({ ...next, params: { mine: 5, theirs: 6, more: 7 } }));
    expect(moved.snapshot.context.params).toEqual({ mine: 1, theirs: 6, more: 7 });
    expect(reasonsOf(run, { ...next, params: { must: null } })).toContain(
      'it was given the parameter mine, which that version does not have; the parameter must has no default',
    );
  });

  it('keeps a cleared task as one to run, with the settings of the new version', () => {
    const failed = started(old, assign('a', 1), report('failed', 'a', 1), conclude);
    const cleared = failed.and(
      { type: 'ClearTasks', now, key: 'again', by: 'ann', scope: 'failed' },
      { type: 'RequestPause', now, key: 'pause-2', by: 'ann' },
      { type: 'ConcludePause', now },
    );
    const repaired = workflowOf([{ ...taskOf('a'), env: { FIX: '1' } }, taskOf('b', ['a']), taskOf('c', ['b'])]);
    const moved = cleared.and(moveTo(repaired));
    expect(statuses(moved)).toEqual({ a: 'ready', b: 'waiting', c: 'waiting' });
    expect(moved.task('a').context).toMatchObject({ attempt: 1, round: 1 });
  });

  it('does not lose a cleared task: a version that has it again would give its attempts numbers that were given', () => {
    const cleared = started(old, ...done('a', 1), ...done('b', 2), ...pause).and({
      type: 'ClearTasks',
      now,
      key: 'again',
      by: 'ann',
      scope: 'descendants',
      tasks: [nameOf('a')],
    });
    expect(statuses(cleared)).toEqual({ a: 'ready', b: 'waiting', c: 'waiting' });
    const reasons = reasonsOf(cleared, workflowOf([taskOf('a')]));
    expect(reasons).toBe('the run cannot be moved to version 2: b has run before, and is not in that version');
  });

  it('hears of a failure that is looked at from now on', () => {
    const run = started(workflowOf([taskOf('a'), taskOf('b')]), assign('a', 1), report('failed', 'a', 1), ...pause);
    const guard: TaskDefinition = {
      ...taskOf('guard', ['a']),
      settings: { type: 'conditions', when: { task: nameOf('a'), is: 'failed' }, next: [], otherwise: [] },
    };
    const moved = run.and(moveTo(workflowOf([taskOf('a'), taskOf('b'), guard])));
    expect(moved.snapshot.context.handledCount).toBe(1);
    expect(statuses(moved).guard).toBe('ready');
  });

  it('leaves a history that breaks no rule', () => {
    const move = { ...moveEvent, data: { ...moveEvent.data, definition: next } } as typeof moveEvent;
    const steps = [submitted, ownershipTaken(1), taskEvent('TaskAssigned', 'a'), taskEvent('TaskSucceeded', 'a')];
    const history = recordedOf([...steps, ...pause, move, taskEvent('TaskSkipped', 'first')], () => now);
    expect(checkHistory(planOf(old), history).violations).toEqual([]);
  });
});

describe('a move is refused', () => {
  it('while the run is neither paused nor waits for its turn', () => {
    const message = 'it is active; only a run that is paused or waits for its turn can be moved: pause it first';
    expect(reasonsOf(started(old), old)).toContain(message);
    expect(reasonsOf(started(old, ...done('a', 1), runEvent('WorkflowStopRequested')), old)).toContain(
      'it is stopping',
    );
  });

  it('with every reason, when what has begun or ended is gone or another', () => {
    const run = started(old, ...done('a', 1), taskEvent('TaskDelayed', 'b'), ...pause);
    const other = workflowOf([
      { ...taskOf('a'), env: { X: '1' } },
      { ...taskOf('b', ['a']), priority: 'high' },
    ]);
    expect(reasonsOf(run, other)).toBe(
      'the run cannot be moved to version 2: a is succeeded and differs there in env; b is delayed and differs there in priority',
    );
    expect(reasonsOf(run, workflowOf([taskOf('c')]))).toContain(
      'a is succeeded and is not in that version; b is delayed',
    );
  });

  it('when the new version would have ended the run', () => {
    const run = started(workflowOf([taskOf('a'), taskOf('b')]), assign('a', 1), report('failed', 'a', 1), ...pause);
    const strict = workflowOf([taskOf('a'), taskOf('b')], { failurePolicy: 'end' });
    expect(reasonsOf(run, strict)).toContain('ends a run at the first failure, and a did not succeed');
  });

  it('of a run that was begun with chosen tasks, or that waits for a turn that there is no more', () => {
    const chosen = {
      ...submitted,
      data: { ...submitted.data, start: { tasks: [nameOf('b')], mode: 'only' as const } },
    };
    const run = given(old, chosen as typeof submitted, ownershipTaken(1), ...pause);
    expect(reasonsOf(run, old)).toContain('it was started with chosen tasks only');
    const queued = started({ ...old, concurrency: { policy: 'wait' } });
    expect(reasonsOf(queued, old)).toContain('that version has no turns');
  });
});

describe('a run that waits for its turn', () => {
  it('begins by the new version when it is admitted', () => {
    const limited = { ...old, concurrency: { policy: 'wait' } } as const;
    const next = { ...workflowOf([taskOf('x'), taskOf('y', ['x'])]), concurrency: { policy: 'wait' } } as const;
    const moved = started(limited).and(moveTo(next));
    expect(statuses(moved)).toEqual({ x: 'waiting', y: 'waiting' });
    moved
      .when({ type: 'AdmitWorkflow', now })
      .thenTypes('WorkflowAdmitted')
      .andEffects({ type: 'placeTask', task: nameOf('x') });
  });
});
