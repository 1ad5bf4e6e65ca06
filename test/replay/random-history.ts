/** Histories of random runs, as a journal gives them back, beside the states that their owner had. */
import fc from 'fast-check';
import { planOf } from '../../actors/graph/plan.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { RunHistory } from '../../src/replay/run-history.ts';
import { choicesArbitrary, RandomRun } from '../actors/random-run.ts';
import { languageArbitrary } from '../kit/language-definitions.ts';
import { recordedOf } from '../kit/recorded.ts';

export type Played = { history: RunHistory; live: WorkflowInstanceSnapshot[] };

export type Choices = readonly [definition: WorkflowDefinition, choices: readonly number[]];

/** What a run is made of: small enough to be printed when a property fails. */
export const choicesOfRun: fc.Arbitrary<Choices> = fc.tuple(languageArbitrary(), choicesArbitrary);

export function playedRun([definition, choices]: Choices): Played {
  const run = new RandomRun(workflowInstanceActor(planOf(definition)));
  run.play(choices);
  const events = recordedOf(
    run.recorded.map(({ event }) => event),
    (revision) => 1_000_000 + revision * 10,
  );
  const written = JSON.parse(JSON.stringify({ definitions: [{ version: 1, definition }], events }));
  return { history: { instance: undefined, ...written }, live: run.recorded.map(({ after }) => after) };
}
