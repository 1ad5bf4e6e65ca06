import { describe, expect, it } from 'vitest';
import type { JournaledActor } from '../../actors/kit/decider.ts';
import { rejected } from '../../actors/kit/decider.ts';
import { settle } from '../../actors/kit/settle.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import { chainOf, fanOutOf } from '../kit/definitions.ts';
import { given } from '../kit/given.ts';
import { assign, conclude, ownershipTaken, report, submit, submitted } from './run-events.ts';

/** Places each task as soon as it is ready, and concludes: what a master with free workers does. */
function answerAll(): (effect: WorkflowInstanceEffect) => WorkflowInstanceCommand | undefined {
  let attemptCount = 1;
  return (effect) => {
    if (effect.type === 'concludeWorkflow') return conclude;
    if (effect.type !== 'placeTask') return undefined;
    attemptCount += 1;
    return assign(effect.task, attemptCount);
  };
}

describe('settling a command', () => {
  it('puts the finish of a task and the assignment of the next into one append', () => {
    const { actor, snapshot } = given(chainOf(2), submitted, ownershipTaken(1)).and(assign('t0', 1));
    const settled = settle(actor, snapshot, report('succeeded', 't0', 1), answerAll());
    if (settled.kind === 'rejected') throw new Error(settled.rejection.message);
    expect(settled.events.map(({ type }) => type)).toEqual(['TaskSucceeded', 'TaskAssigned']);
    expect(settled.effects.map(({ type }) => type)).toEqual(['disarmTimer', 'releaseSlot', 'offerAttempt']);
  });

  it('assigns every task of a fan-out in one append', () => {
    const { actor, snapshot } = given(fanOutOf(50), submitted, ownershipTaken(1)).and(assign('root', 1));
    const settled = settle(actor, snapshot, report('succeeded', 'root', 1), answerAll());
    expect(settled.kind === 'settled' && settled.events.length).toBe(51);
  });

  it('ends the run in the append of its last report', () => {
    const { actor, snapshot } = given(chainOf(1), submitted, ownershipTaken(1)).and(assign('t0', 1));
    const settled = settle(actor, snapshot, report('succeeded', 't0', 1), answerAll());
    expect(settled.kind === 'settled' && settled.events.map(({ type }) => type)).toEqual([
      'TaskSucceeded',
      'WorkflowSucceeded',
    ]);
    expect(settled.kind === 'settled' && actor.isFinished(settled.snapshot)).toBe(true);
  });

  it('leaves effects that nobody answers to the caller', () => {
    const { actor, snapshot } = given(chainOf(1));
    const settled = settle(actor, snapshot, submit, () => undefined);
    expect(settled).toMatchObject({ kind: 'settled', effects: [{ type: 'placeTask', task: 't0' }] });
  });

  it('refuses the command when the first decision does, and changes nothing', () => {
    const { actor, snapshot } = given(chainOf(1));
    expect(settle(actor, snapshot, conclude, answerAll())).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'COMMAND_NOT_ALLOWED' },
    });
  });

  it('goes on when an answer is refused, and names it: the effect is still pending', () => {
    const { actor, snapshot } = given(chainOf(1));
    const settled = settle(actor, snapshot, submit, () => assign('nowhere'));
    expect(settled).toMatchObject({ kind: 'settled', events: [{ type: 'WorkflowSubmitted' }], effects: [] });
    expect(settled).toMatchObject({ refused: [assign('nowhere')] });
  });

  it('equals folding its events one by one (I5)', () => {
    const { actor, snapshot } = given(fanOutOf(5), submitted, ownershipTaken(1)).and(assign('root', 1));
    const settled = settle(actor, snapshot, report('succeeded', 'root', 1), answerAll());
    if (settled.kind === 'rejected') throw new Error(settled.rejection.message);
    const folded = settled.events.reduce((before, event) => actor.fold(before, event).snapshot, snapshot);
    expect(actor.store(folded)).toEqual(actor.store(settled.snapshot));
  });

  it('stops an actor that asks for decisions without end', () => {
    const endless: JournaledActor<number, 'more', 'more', 'more'> = {
      initial: () => 0,
      decide: (_, command) => (command === 'more' ? { kind: 'events', events: ['more'] } : rejected('INTERNAL', '')),
      fold: (count) => ({ snapshot: count + 1, effects: ['more'] }),
      pendingEffects: () => [],
      isFinished: () => false,
    };
    expect(() => settle(endless, 0, 'more', () => 'more')).toThrow('more than');
  });
});
