/** Runs that go on by another version. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { Digest } from '../../schemas/ids.ts';
import { definitionReference, takeOwnership } from '../actors/run-events.ts';
import { taskOf, workflowOf } from './definitions.ts';
import { type Scenario, Stage } from './history-stage.ts';

const ask = (key: string, type: 'RequestPause' | 'RequestResume') => ({ type, now: 0, key, by: 'ann' }) as const;
const move: WorkflowInstanceCommand = {
  type: 'MoveVersion',
  now: 0,
  key: 'move',
  by: 'ann',
  reason: 'load took the wrong table',
  to: { ...definitionReference, version: 2, digest: '2'.repeat(64) as Digest },
  definition: workflowOf([taskOf('fetch'), taskOf('check', ['fetch']), taskOf('load', ['check'])]),
};

export const moveScenarios: Readonly<Record<string, Scenario>> = {
  moved: {
    definition: workflowOf([taskOf('fetch'), taskOf('load', ['fetch']), taskOf('tidy', ['load'])]),
    play: (definition) =>
      new Stage(definition)
        .tell(ask('pause', 'RequestPause'))
        .run('fetch', 1)
        .tell(move, takeOwnership(2), ask('resume', 'RequestResume'))
        .run('check', 2)
        .run('load', 3),
  },
};
