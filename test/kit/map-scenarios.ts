/** Runs with maps: items side by side, failures that are tolerated and that are not, and what people make of them. */
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import type { Steering, WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import { attemptIdOf, fireTimer, nameOf, takeOwnership } from '../actors/run-events.ts';
import { mapOf, taskOf, workflowOf } from './definitions.ts';
import { type Scenario, Stage } from './history-stage.ts';

const ask = (key: string, type: Steering['type'], more: object = {}) =>
  ({ type, now: 0, key, by: 'ann', ...more }) as WorkflowInstanceCommand;
const map = (settings: TaskDefinition['settings'], more: Partial<TaskDefinition> = {}): TaskDefinition => ({
  ...taskOf('resize', ['list']),
  settings,
  ...more,
});

export const mapScenarios: Readonly<Record<string, Scenario>> = {
  'map-in-turns': {
    definition: workflowOf([
      taskOf('list'),
      map(mapOf('tasks.list.outputs.files', { concurrency: 2 })),
      taskOf('report', ['resize']),
    ]),
    play: (definition) =>
      new Stage(definition)
        .run('list', 1, { files: ['a.png', 'b.png', 'c.png'] })
        .run('resize[1]', 4, { width: 20 })
        .tell(takeOwnership(2))
        .run('resize[0]', 3, { width: 10 })
        .run('resize[2]', 5)
        .run('report', 6),
  },
  'map-tolerates-a-failure': {
    definition: workflowOf([
      taskOf('list'),
      {
        ...map({
          ...mapOf([1, 2], { failures: { max: 1 } }),
          over: [
            { name: 'x', values: [1, 2] },
            { name: 'y', values: ['a', 'b'] },
          ],
        }),
      },
    ]),
    play: (definition) =>
      new Stage(definition)
        .run('list', 1)
        .say('failed', 'resize[1]', 4)
        .run('resize[0]', 3)
        .run('resize[3]', 6)
        .run('resize[2]', 5),
  },
  'map-fails-fast-and-is-repaired': {
    definition: workflowOf([
      taskOf('list'),
      map(mapOf([1, 2, 3, 4], { concurrency: 2 })),
      taskOf('report', ['resize']),
    ]),
    play: (definition) =>
      new Stage(definition)
        .run('list', 1)
        .say('started', 'resize[1]', 4)
        .say('failed', 'resize[0]', 3)
        .say('cancelled', 'resize[1]', 4)
        .tell(ask('again', 'ClearTasks', { scope: 'failed' }))
        .run('resize[0]', 6)
        .run('resize[1]', 7)
        .run('resize[2]', 8)
        .say('failed', 'resize[3]', 9)
        .tell(ask('force', 'ForceTask', { task: nameOf('resize[3]'), outputs: { width: 40 } }))
        .run('report', 11),
  },
  'map-too-slow': {
    definition: workflowOf([taskOf('list'), map(mapOf([1, 2], { failures: 'continue' }), { timeoutMs: 1_000 })]),
    play: (definition) =>
      new Stage(definition)
        .run('list', 1)
        .run('resize[0]', 3)
        .say('started', 'resize[1]', 4)
        .tell(fireTimer('resize', timerIds.awaited(attemptIdOf(2))))
        .say('cancelled', 'resize[1]', 4),
  },
  'map-of-nothing': {
    definition: workflowOf([taskOf('list'), map(mapOf('params.missing')), { ...map(mapOf([])), name: nameOf('none') }]),
    play: (definition) => new Stage(definition).run('list', 1),
  },
};
