import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createActor, type EventObject, transition } from 'xstate';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory, checkProgress } from '../../actors/invariants/check-history.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { workflowInstanceMachine } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { eventSchemaOf } from '../../schemas/events/registry.ts';
import { type WorkflowInstanceEvent, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import { languageArbitrary, startOf } from '../kit/language-definitions.ts';
import { recordedOf } from '../kit/recorded.ts';
import { choicesArbitrary, RandomRun } from './random-run.ts';

const definitions = languageArbitrary();

function played(definition: WorkflowDefinition, choices: readonly number[]): RandomRun {
  const run = new RandomRun(workflowInstanceActor(planOf(definition)));
  run.play(choices);
  return run;
}

/** Of dry runs, which have a property of their own, of results that are kept, and of applications that live on. */
const elsewhere = [
  ...['TaskDryRun', 'TaskCacheHit', 'ResultKept', 'WorkflowMoved'],
  ...['ApplicationSeen', 'ApplicationAdopted', 'ApplicationKillRequested', 'ApplicationGivenUp'],
];

/** As the journal gives it back. */
function read({ type, data }: WorkflowInstanceEvent): WorkflowInstanceEvent {
  return { type, data: eventSchemaOf(type).parse(JSON.parse(JSON.stringify(data))) } as WorkflowInstanceEvent;
}

describe('random runs', () => {
  it('meet every event, and every end', () => {
    const runs = fc.sample(fc.tuple(definitions, choicesArbitrary), { numRuns: 400, seed: 1 });
    const met = new Map<string, number>();
    for (const [definition, choices] of runs) {
      for (const { event } of played(definition, choices).recorded) met.set(event.type, (met.get(event.type) ?? 0) + 1);
    }
    for (const type of Object.keys(workflowInstanceEvents)) {
      if (!elsewhere.includes(type)) expect(met.get(type) ?? 0, type).toBeGreaterThan(2);
    }
  });

  it('go as the plain model says, step by step, to the same end', () => {
    fc.assert(
      fc.property(definitions, choicesArbitrary, (definition, choices) => {
        // Every step compares: see `RandomRun.compare`.
        played(definition, choices);
      }),
      { numRuns: 500 },
    );
  });

  it('begin with the tasks that were chosen', () => {
    const modes = fc.constantFrom('only' as const, 'forward' as const, 'backward' as const);
    fc.assert(
      fc.property(definitions, fc.nat(), modes, choicesArbitrary, (definition, pick, mode, choices) => {
        const run = new RandomRun(workflowInstanceActor(planOf(definition)), {
          start: startOf(definition, pick, mode),
        });
        run.play(choices);
      }),
      { numRuns: 100 },
    );
  });

  it('give no task to a worker in a dry run, and take the same ways', () => {
    fc.assert(
      fc.property(definitions, choicesArbitrary, (definition, choices) => {
        const run = new RandomRun(workflowInstanceActor(planOf(definition)), { dryRun: true });
        run.play(choices);
        const types = run.recorded.map(({ event }) => event.type);
        for (const type of ['TaskAssigned', 'TaskAwaits', 'TaskDelayed'] as const) expect(types).not.toContain(type);
      }),
      { numRuns: 60 },
    );
  });

  it('are the same when they are folded anew from the journal after every event (I5)', () => {
    fc.assert(
      fc.property(definitions, choicesArbitrary, (definition, choices) => {
        const { recorded } = played(definition, choices);
        const journal = recorded.map(({ event }) => read(event));
        expect(checkHistory(planOf(definition), recordedOf(journal)).violations).toEqual([]);
        const fresh = workflowInstanceActor(planOf(JSON.parse(JSON.stringify(definition))));
        for (const [last, { after }] of recorded.entries()) {
          const folded = journal
            .slice(0, last + 1)
            .reduce((snapshot, event) => fresh.fold(snapshot, event).snapshot, fresh.initial());
          expect(JSON.stringify(fresh.store(folded))).toBe(JSON.stringify(fresh.store(after)));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('go on alike from a stored snapshot, and never stall in silence (I6)', () => {
    fc.assert(
      fc.property(definitions, choicesArbitrary, (definition, choices) => {
        const { actor, recorded } = played(definition, choices);
        for (const [place, { after }] of recorded.entries()) {
          const restored = actor.restore(JSON.parse(JSON.stringify(actor.store(after))));
          const owed = actor.pendingEffects(restored);
          expect(owed).toEqual(actor.pendingEffects(after));
          expect(checkProgress(actor, restored, place)).toEqual([]);
          const next = recorded[place + 1];
          if (next === undefined) expect(actor.isFinished(restored)).toBe(true);
          else {
            const went = actor.fold(restored, next.event);
            expect(JSON.stringify(actor.store(went.snapshot))).toBe(JSON.stringify(actor.store(next.after)));
            expect(went.effects).toEqual(actor.fold(after, next.event).effects);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are folded as XState’s own transition() does, in state and actions', () => {
    fc.assert(
      fc.property(definitions, choicesArbitrary, (definition, choices) => {
        const { actor, recorded } = played(definition, choices);
        const machine = workflowInstanceMachine(actor.plan);
        let theirs = createActor(machine).getSnapshot();
        let ours = actor.initial();
        for (const { event } of recorded) {
          const [next, actions] = transition(machine, theirs, event);
          const folded = actor.fold(ours, event);
          expect(actor.store(folded.snapshot)).toEqual({ value: next.value, context: next.context });
          expect(folded.snapshot.status).toBe(next.status);
          expect(folded.effects).toEqual(actions.map(({ params }) => params));
          expect(folded.snapshot.can({ type: 'Nonsense' } as EventObject as WorkflowInstanceEvent)).toBe(false);
          theirs = next;
          ours = folded.snapshot;
        }
      }),
      { numRuns: 60 },
    );
  });
});
