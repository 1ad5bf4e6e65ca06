/** Runs that keep results for each other, and take them. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import { assign, attemptIdOf, cacheKey, instance, nameOf, takeOwnership } from '../actors/run-events.ts';
import { taskOf, workflowOf } from './definitions.ts';
import { type Scenario, Stage } from './history-stage.ts';

const definition = workflowOf([{ ...taskOf('measure'), cache: { ttlMs: 3_600_000 } }, taskOf('report', ['measure'])]);
const keyed = (attempt: number) => ({ ...assign('measure', attempt), cacheKey }) as WorkflowInstanceCommand;
const source = { instance, task: nameOf('measure'), attemptId: attemptIdOf(1), finishedAt: 1_790_000_000_000 };
const outputs = { rows: 3 };

export const resultScenarios: Readonly<Record<string, Scenario>> = {
  'result-kept': {
    definition,
    play: () =>
      new Stage(definition, { places: false })
        .tell(keyed(1))
        .run('measure', 1, outputs)
        .tell(assign('report', 2))
        .run('report', 2),
  },
  'result-taken': {
    definition,
    play: () =>
      new Stage(definition, { places: false })
        .tell({ type: 'UseResult', now: 0, task: nameOf('measure'), cacheKey, source, outputs })
        .tell(takeOwnership(2), assign('report', 1))
        .run('report', 1),
  },
};
