/** Tasks that the owner of a run decides, and what all tasks say of time: from the text to the stored form. */
import { describe, expect, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

const around = `
  load: { type: script }
  check: { type: script }
  yes: { type: script, needs: tested }
  no: { type: script, needs: tested }
`;

/** The task `tested` needs `load` and `check`; `yes` and `no` need it. */
function definitionOf(task: string, workflow = ''): WorkflowDefinition {
  const indented = task.trim().replaceAll('\n', '\n    ');
  const text = `name: w\n${workflow}\ntasks:${around}  tested:\n    needs: [load, check]\n    ${indented}\n`;
  const parsed = parseDefinition(text, 'w.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  expect(checkDefinition(JSON.parse(JSON.stringify(parsed.definition)))).toEqual(parsed);
  return parsed.definition;
}

function taskOf(task: string): TaskDefinition {
  const found = definitionOf(task).tasks.find(({ name }) => name === 'tested');
  if (found === undefined) throw new Error('the task is gone');
  return found;
}

const settingsOf = (task: string) => taskOf(task).settings;

describe('a switch', () => {
  test('takes one name or a list, and has parameters of its own', () => {
    const task = taskOf(`
type: switch
params: { limit: 5 }
cases:
  - { when: params.limit > 3, next: yes }
  - { when: tasks.load.status == "failed", next: [] }
otherwise: [no]`);
    expect(task).toMatchObject({ params: { limit: 5 }, retry: { attempts: 1 }, priority: 'medium', env: {} });
    expect(task.settings).toEqual({
      type: 'switch',
      cases: [
        { when: 'params.limit > 3', next: ['yes'] },
        { when: 'tasks.load.status == "failed"', next: [] },
      ],
      otherwise: ['no'],
    });
  });

  test('goes nowhere else by default', () => {
    expect(settingsOf('type: switch\ncases: [{ when: "1 < 2 && tasks.load.outputs.ok", next: yes }]')).toMatchObject({
      otherwise: [],
    });
  });
});

describe('conditions', () => {
  const forms: [string, string, object][] = [
    ['one task', '{ load: failed }', { task: 'load', is: 'failed' }],
    ['one task, written out', '{ task: load, is: failed }', { task: 'load', is: 'failed' }],
    [
      'several tasks, which means all',
      '{ load: failed, check: succeeded }',
      {
        all: [
          { task: 'load', is: 'failed' },
          { task: 'check', is: 'succeeded' },
        ],
      },
    ],
    [
      'any of several tasks',
      '{ any: { load: failed, check: failed } }',
      {
        any: [
          { task: 'load', is: 'failed' },
          { task: 'check', is: 'failed' },
        ],
      },
    ],
    [
      'conditions inside each other',
      '{ any: [{ all: { load: failed, check: failed } }, { task: check, is: succeeded }, { load: succeeded }] }',
      {
        any: [
          {
            all: [
              { task: 'load', is: 'failed' },
              { task: 'check', is: 'failed' },
            ],
          },
          { task: 'check', is: 'succeeded' },
          { task: 'load', is: 'succeeded' },
        ],
      },
    ],
  ];
  test.each(forms)('%s', (_, when, stored) => {
    expect(settingsOf(`type: conditions\nwhen: ${when}\nnext: yes\notherwise: [no]`)).toEqual({
      type: 'conditions',
      when: stored,
      next: ['yes'],
      otherwise: ['no'],
    });
  });

  test('may have no ways: they handle a failure', () => {
    expect(settingsOf('type: conditions\nwhen: { load: succeeded }')).toMatchObject({ next: [], otherwise: [] });
  });

  test('tasks may be named like words of the language', () => {
    const text =
      'name: w\ntasks:\n  any: { type: script }\n  task: { type: script }\n' +
      '  tested: { type: conditions, needs: [any, task], when: { any: failed, task: failed } }';
    expect(parseDefinition(text, 'w.yaml')).toMatchObject({
      definition: {
        tasks: [
          {},
          {},
          {
            settings: {
              when: {
                all: [
                  { task: 'any', is: 'failed' },
                  { task: 'task', is: 'failed' },
                ],
              },
            },
          },
        ],
      },
    });
  });
});

test('signal and approval, with a limit and another attempt', () => {
  const task = taskOf('type: signal\nname: paid\ntimeout: 2h\nretry: 2\ndelay: 5s');
  expect(task).toMatchObject({
    timeoutMs: 7_200_000,
    delayMs: 5_000,
    retry: { attempts: 2 },
    settings: { name: 'paid' },
  });
  expect(settingsOf('type: approval')).toEqual({ type: 'approval' });
  expect(settingsOf('type: approval\nquestion: Go live?')).toEqual({ type: 'approval', question: 'Go live?' });
});

test('a task may be off, wait before it begins, and have limits of time', () => {
  expect(
    taskOf('type: script\nenabled: false\ndelay: 90s\ntimeout: 1m\nqueueTimeout: 2m\ntimeoutPolicy: warnAndFail'),
  ).toMatchObject({
    enabled: false,
    delayMs: 90_000,
    timeoutMs: 60_000,
    queueTimeoutMs: 120_000,
    timeoutPolicy: 'warnAndFail',
  });
});

test('what is written out as it is by default makes no other version', () => {
  const task = taskOf('type: script\nenabled: true\ndelay: 0s');
  expect(task).toEqual(taskOf('type: script'));
  expect(Object.keys(task)).not.toContain('enabled');
});

test('a workflow may have a limit of time', () => {
  const definition = definitionOf('type: script', 'timeout: 1h\ntimeoutPolicy: warn');
  expect(definition).toMatchObject({ timeoutMs: 3_600_000, timeoutPolicy: 'warn' });
  expect(definition).not.toHaveProperty('timeout');
});
