/** Every fact of every explanation is true, in every state of random runs. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { explain } from '../../actors/workflow-instance/explain.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { whyReplySchema } from '../../schemas/messages/explanation.messages.ts';
import { isTrue } from '../kit/fact-check.ts';
import { languageArbitrary } from '../kit/language-definitions.ts';
import { choicesArbitrary, RandomRun } from './random-run.ts';

const instance = '0193a4c2-1111-7aaa-8aaa-000000000000';

/** After a run was opened again, nobody knows any more who had stopped it: of a stopped task nothing may be left to say. */
const maySayNothing = 'stopped';

it('is true whatever is named, and something is named', () => {
  const met = new Set<string>();
  fc.assert(
    fc.property(languageArbitrary(), choicesArbitrary, (definition, choices) => {
      const run = new RandomRun(workflowInstanceActor(planOf(definition)));
      run.play(choices);
      const { plan } = run.actor;
      for (const [revision, { after }] of run.recorded.entries()) {
        const { value, context } = after;
        for (const { name: task } of definition.tasks) {
          const explained = explain(plan, after, task);
          if (explained === undefined) throw new Error(`${task} is not explained`);
          const untrue = explained.facts.filter((fact) => !isTrue(fact, { plan, value, context }, task));
          expect(untrue, `${task} is ${explained.status} at ${revision}`).toEqual([]);
          if (explained.status !== maySayNothing) expect(explained.facts.length, explained.sentence).toBeGreaterThan(0);
          for (const { kind } of explained.facts) met.add(kind);
          whyReplySchema.parse({ instance, revision, runStatus: value, ...explained });
        }
      }
    }),
    { numRuns: 150 },
  );
  expect(met.size).toBeGreaterThan(18);
});
