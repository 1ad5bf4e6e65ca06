/** Attempts that start applications on clusters, which are told while the attempt runs, with its end, or too late. */
import { applicationLimits } from '../../actors/task-instance/application-limits.ts';
import { timerIds } from '../../actors/task-instance/task-instance.state.ts';
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import {
  attemptIdOf,
  fireTimer,
  lose,
  nameOf,
  requestStop,
  takeOwnership,
  tell,
  yarnApplication,
  yarnAway,
  yarnTold,
} from '../actors/run-events.ts';
import { taskOf, workflowOf } from './definitions.ts';
import { type Scenario, Stage } from './history-stage.ts';

const second: FoundApplication = { ...yarnApplication, id: 'application_1700000000000_0002' };
const pod: FoundApplication = {
  kind: 'kubernetes',
  id: 'job/etl/millrace-a',
  cluster: 'pods',
  user: 'etl',
  trackingUrl: 'https://pods.example/etl/millrace-a',
};

const definition = workflowOf([taskOf('submit'), taskOf('load', ['submit'])]);
const found = (task: string, attempt: number, ...applications: FoundApplication[]): WorkflowInstanceCommand => ({
  type: 'RecordApplications',
  now: 0,
  task: nameOf(task),
  attemptId: attemptIdOf(attempt),
  applications,
});

const orphaned = () =>
  new Stage(definition)
    .say('started', 'submit', 1)
    .tell(found('submit', 1, yarnApplication), lose('submit', 1))
    .tell(tell('submit', 1, yarnTold('running')));

export const applicationScenarios: Readonly<Record<string, Scenario>> = {
  'applications-found': {
    definition,
    play: () =>
      new Stage(definition)
        .say('started', 'submit', 1)
        .tell(found('submit', 1, yarnApplication), found('submit', 1, yarnApplication, second))
        .tell(takeOwnership(2))
        .say('succeeded', 'submit', 1)
        .say('started', 'load', 2)
        .tell(found('load', 2, pod))
        .say('succeeded', 'load', 2),
  },
  'application-told-late': {
    definition,
    play: () =>
      new Stage(definition)
        .say('started', 'submit', 1)
        .tell(lose('submit', 1))
        .say('started', 'submit', 2)
        .tell(found('submit', 1, yarnApplication))
        .say('succeeded', 'submit', 2)
        .tell(found('submit', 2, second))
        .run('load', 3),
  },
  'application-followed-to-its-end': {
    definition,
    play: () =>
      orphaned()
        .tell(tell('submit', 1, yarnAway), takeOwnership(2), tell('submit', 1, yarnTold('succeeded')))
        .run('load', 2),
  },
  'application-killed-in-vain': {
    definition,
    play: () => {
      const stage = orphaned().tell(requestStop, tell('submit', 1, yarnTold('running')));
      const dueAt = stage.now + applicationLimits.killMs;
      return stage.tell(fireTimer('submit', timerIds.applications(attemptIdOf(1), dueAt)));
    },
  },
};
