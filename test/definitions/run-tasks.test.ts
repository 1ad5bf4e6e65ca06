/** Tasks that wait for other runs: from the text to the stored form, and the faults on the way. */
import { expect, test } from 'vitest';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

function parse(task: string) {
  const indented = task
    .trim()
    .split('\n')
    .map((line) => `    ${line}`);
  return parseDefinition(`name: tested\ntasks:\n  a:\n${indented.join('\n')}\n`, 'tested.yaml');
}

function settingsOf(task: string): unknown {
  const parsed = parse(task);
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  return parsed.definition.tasks[0]?.settings;
}

function faultsOf(task: string): string[] {
  const parsed = parse(task);
  return parsed.kind === 'ok' ? [] : parsed.faults.map(({ path, message }) => `${path}: ${message}`);
}

test('a child workflow with parameters', () => {
  expect(settingsOf('type: workflow\nworkflow: load\nversion: 3\nparams: { day: today, rows: 5 }')).toEqual({
    type: 'workflow',
    name: 'load',
    version: 3,
    params: { day: 'today', rows: 5 },
  });
});

test('a dependent gets the cycle of its range, and durations in milliseconds', () => {
  const text = `
type: dependent
relation: or
items:
  - items:
      - { workflow: load, range: last1Days }
      - { workflow: load, task: check, range: lastMonday, cycle: week }
  - relation: or
    items: [{ workflow: copy, task: "*", range: thisMonthEnd }]
onFailure: wait
failureWait: 5m
deadline: 2h
passOutputs: true`;
  expect(settingsOf(text)).toEqual({
    type: 'dependent',
    relation: 'or',
    items: [
      {
        relation: 'and',
        items: [
          { workflow: 'load', cycle: 'day', range: 'last1Days' },
          { workflow: 'load', task: 'check', cycle: 'week', range: 'lastMonday' },
        ],
      },
      { relation: 'or', items: [{ workflow: 'copy', task: '*', cycle: 'month', range: 'thisMonthEnd' }] },
    ],
    onFailure: 'wait',
    failureWaitMs: 300_000,
    deadlineMs: 7_200_000,
    passOutputs: true,
  });
});

test('what cannot be is refused with its place', () => {
  const dependent = (item: string, more = '') => `type: dependent\nitems: [{ items: [${item}] }]${more}`;
  expect(faultsOf(dependent('{ workflow: load, range: yesterday }'))[0]).toMatch(/range: expected one of currentHour/);
  expect(faultsOf(dependent('{ workflow: load, range: today, cycle: week }'))[0]).toMatch(/another cycle/);
  expect(faultsOf(dependent('{ workflow: "two words", range: today }'))[0]).toMatch(/a workflow name is/);
  expect(faultsOf(dependent('{ workflow: load, range: today }', '\nfailureWait: 5m'))[0]).toMatch(
    /only for "onFailure/,
  );
  expect(faultsOf('type: dependent\nitems: []')[0]).toMatch(/a list of at least 1/);
  expect(faultsOf('type: workflow')[0]).toMatch(/the field "workflow" is missing/);
  expect(faultsOf('type: workflow\nworkflow: load\nworkerGroup: big')[0]).toMatch(/there is no field "workerGroup"/);
});
