// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** What the cases of a switch read as `params`: what any task of the run would be given. */
import { expect, test } from 'vitest';
import type { SwitchSettings } from '../../schemas/definition/logic-settings.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { type Given, given } from '../kit/given.ts';
import { attemptIdOf, nameOf, now, ownershipTaken, submitted, taskEvent } from './run-events.ts';

type Written = { when: string; params?: JsonRecord; defaults?: JsonRecord; outputs?: JsonRecord };

const start = { type: 'StartTask', now, task: nameOf('choose'), attemptId: attemptIdOf(9) } as const;

function definitionOf({ when, params, defaults = {} }: Written): WorkflowDefinition {
  const settings: SwitchSettings = { type: 'switch', cases: [{ when, next: [nameOf('yes')] }], otherwise: [] };
  const choose: TaskDefinition = {
    ...taskOf('choose', ['load']),
    settings,
    ...(params === undefined ? {} : { params }),
  };
  return workflowOf([taskOf('load'), choose, taskOf('yes', ['choose'])], { params: defaults });
}

/** `load` has succeeded with those outputs; the logical time is 26 August 2022. */
function readyToChoose(written: Written): Given {
  const params = written.defaults ?? {};
  const data = { ...submitted.data, params, logicalAt: Date.UTC(2022, 7, 26) };
  const run = [{ ...submitted, data } as typeof submitted, ownershipTaken(1), taskEvent('TaskAssigned', 'load')];
  return given(
    definitionOf(written),
    ...run,
    taskEvent('TaskSucceeded', 'load', 1, { outputs: written.outputs ?? {} }),
  );
}

const isTaken: [string, Written][] = [
  ['a default of the workflow', { when: 'params.target == "live"', defaults: { target: 'live' } }],
  ['a parameter of its own', { when: 'params.limit == 5', params: { limit: 5 } }],
  ['its own before the default', { when: 'params.limit == 5', params: { limit: 5 }, defaults: { limit: 1 } }],
  ['an output by its name', { when: 'params.rows > 100', defaults: { rows: 1 }, outputs: { rows: 101 } }],
  [
    'an output that it refers to',
    { when: 'params.n > 100', params: { n: '${needs.load.rows}' }, outputs: { rows: 101 } },
  ],
  ['the logical time', { when: 'params.day == "20220825"', params: { day: '$[yyyyMMdd-1]' } }],
  ['the weekday', { when: 'params.day == "5"', params: { day: '$[e]' } }],
  ['a default that holds a time', { when: 'params.day == "20220826"', defaults: { day: '${system.biz.curdate}' } }],
  [
    'how a needed task ended',
    { when: 'tasks.load.status == "succeeded" && tasks.load.outputs.rows == 3', outputs: { rows: 3 } },
  ],
];

test.each(isTaken)('%s', (_, written) => {
  const chosen = { decidedAt: now, choice: 'case 1', next: [nameOf('yes')] };
  readyToChoose(written)
    .when(start)
    .then(taskEvent('TaskBranchChosen', 'choose', 1, chosen));
});

const faults: [string, Written, string][] = [
  [
    'a parameter that cannot be filled in',
    { when: 'params.n > 1', params: { n: '${nowhere}' } },
    'case 1, "params.n > 1" at character 8: the parameter n: ',
  ],
  [
    'a secret',
    { when: 'params.token == "x"', params: { token: { secret: 'token' } } },
    `case 1, 'params.token == "x"' at character 8: the parameter token is a secret or a folder, which only a worker knows`,
  ],
  [
    'the id of the run, which no way may depend on',
    { when: 'params.run == "x"', params: { run: '${system.workflow.instance.id}' } },
    'the parameter run: ',
  ],
];

test.each(faults)('%s fails the switch, and the message says why', (_, written, message) => {
  const run = readyToChoose(written).when(start).thenTypes('TaskUnstartable');
  expect(run.task('choose').context.fault).toEqual({
    code: 'EXPRESSION_FAILED',
    message: expect.stringContaining(message),
  });
});
