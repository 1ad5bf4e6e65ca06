/** Faults of ways, conditions and expressions, each with its place and its remedy. */
import { describe, expect, test } from 'vitest';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';

const around = `name: w
params: { target: test, rows: 0 }
tasks:
  load: { type: script }
  audit: { type: script }
  release: { type: script, needs: choose }
  rehearse: { type: script, needs: choose }
  choose:
    needs: load
    `;

/** `line:column CODE path | message | remedy` of each fault. Line 10 is the first of the task. */
function faultsOf(task: string): string[] {
  const parsed = parseDefinition(`${around}${task.trim().replaceAll('\n', '\n    ')}\n`, 'w.yaml');
  if (parsed.kind === 'ok') return [];
  return parsed.faults.map(
    ({ line, column, code, path, message, remedy }) => `${line}:${column} ${code} ${path} | ${message} | ${remedy}`,
  );
}

const when = (text: string) => faultsOf(`type: switch\ncases:\n  - when: '${text}'\n    next: release`);
const way = (next: string) => faultsOf(`type: switch\ncases: [{ when: "params.rows > 1", next: ${next} }]`);
const condition = (text: string) => faultsOf(`type: conditions\nwhen: ${text}\nnext: release`);

const choose = 'tasks.choose';

describe('ways', () => {
  test('lead to tasks that there are', () => {
    expect(way('relese')).toEqual([
      `11:46 UNKNOWN_TASK ${choose}.cases[0].next | there is no task "relese" to go on with | Did you mean "release"?`,
    ]);
    expect(way('[release, elsewhere]')).toEqual([
      `11:56 UNKNOWN_TASK ${choose}.cases[0].next[1] | there is no task "elsewhere" to go on with | Tasks that need it: release, rehearse.`,
    ]);
  });

  test('lead to tasks that need the switch', () => {
    expect(way('audit')).toEqual([
      `11:46 UNCONNECTED_TASK ${choose}.cases[0].next | the task "audit" does not need "choose", so no way of it leads there | Add "choose" to the needs of "audit". Tasks that need it: release, rehearse.`,
    ]);
    expect(way('choose')[0]).toContain('UNCONNECTED_TASK');
  });

  test('name each task once', () => {
    expect(way('[release, release]')).toEqual([
      `11:56 BAD_VALUE ${choose}.cases[0].next[1] | "release" stands here twice | Remove one of the two.`,
    ]);
  });

  test('of conditions are looked at too', () => {
    expect(faultsOf('type: conditions\nwhen: { load: failed }\nnext: release\notherwise: load')).toEqual([
      expect.stringMatching(/^13:16 UNCONNECTED_TASK tasks.choose.otherwise \| the task "load" does not need "choose"/),
    ]);
  });

  test('of a switch lead somewhere', () => {
    expect(way('[]')).toEqual([
      `11:5 BAD_VALUE ${choose}.cases | no way of this switch names a task, so it decides nothing | Name tasks that need it in "next" or "otherwise".`,
    ]);
  });

  test('that cannot be taken are refused', () => {
    const twice = "- { when: 'params.rows > 1', next: release }\n  - { when: ' params.rows > 1', next: rehearse }";
    expect(faultsOf(`type: switch\ncases:\n  ${twice}`)).toEqual([
      `13:17 UNREACHABLE_WAY ${choose}.cases[1].when | this way is never taken: case 1 has the same expression | Remove one of the two, or change the expression of case 1.`,
    ]);
    expect(faultsOf("type: switch\ncases: [{ when: '1 < 2', next: release }]\notherwise: rehearse")).toEqual([
      `12:16 UNREACHABLE_WAY ${choose}.otherwise | this way is never taken: case 1 is always true | Remove one of the two, or change the expression of case 1.`,
    ]);
  });
});

describe('ways to a task that needs something else too', () => {
  const faultsWith = (more: string, needs = '[choose, other]') => {
    const text = `name: w
params: { x: 0 }
tasks:
  other: { type: script }
  choose: { type: switch, cases: [{ when: params.x > 1, next: target }], otherwise: rest }
  rest: { type: script, needs: choose }
  target: { type: script, needs: ${needs} }
${more}`;
    const parsed = parseDefinition(text, 'w.yaml');
    return parsed.kind === 'ok'
      ? []
      : parsed.faults.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);
  };

  test('are refused if that is never skipped: the task would run in any case', () => {
    expect(faultsWith('')).toEqual([
      '5:63 POINTLESS_WAY the task "target" also needs "other", which is never skipped: it runs whichever way is taken',
    ]);
    expect(faultsWith('  join: { type: script, needs: [other, rest] }', '[choose, join]')).toHaveLength(1);
  });

  test('are fine if that is on a way itself', () => {
    expect(faultsWith('', '[choose, rest]')).toEqual([]);
    expect(faultsWith('  join: { type: script, needs: rest }', '[choose, join]')).toEqual([]);
    const second = '  second: { type: switch, needs: other, cases: [{ when: params.x > 1, next: target }] }';
    expect(faultsWith(second, '[choose, second]')).toEqual([]);
  });

  test('of conditions may both lead to it', () => {
    const both = '  both: { type: conditions, needs: other, when: { other: failed }, next: last, otherwise: last }';
    expect(faultsWith(`${both}\n  last: { type: script, needs: [both, other] }`, 'choose')).toEqual([]);
  });
});

describe('conditions', () => {
  test('look at tasks that there are', () => {
    expect(condition('{ laod: failed }')).toEqual([
      `11:13 UNKNOWN_TASK ${choose}.when.laod | there is no task "laod" to look at | Did you mean "load"?`,
    ]);
  });

  test('look at tasks that they need', () => {
    expect(condition('{ any: [{ load: failed }, { task: audit, is: failed }] }')).toEqual([
      `11:45 UNCONNECTED_TASK ${choose}.when.any[1].task | "choose" does not need "audit", so it does not know how that ends | Add "audit" to the needs of "choose". It needs load.`,
    ]);
  });

  test.each([
    ['{ load: faild }', /11:19 BAD_VALUE tasks.choose.when.load .* Did you mean "failed"/],
    ['{ task: load }', /11:5 MISSING_FIELD tasks.choose.when.is \| the field "is" is missing/],
    ['{ task: load, are: failed }', /MISSING_FIELD tasks.choose.when.is/],
    ['{ all: [{ load: good }] }', /BAD_VALUE tasks.choose.when.all\[0\].load .* one of succeeded, failed/],
    ['{ all: { load: bad } }', /BAD_VALUE tasks.choose.when.all.load .* one of succeeded, failed/],
    ['{ any: [] }', /BAD_VALUE tasks.choose.when.any \| expected a list of at least 1 items/],
    ['{ }', /BAD_VALUE tasks.choose.when \| expected at least one task and how it ended/],
    ['load', /WRONG_TYPE tasks.choose.when \| expected a map, came "load"/],
  ])('%s is refused', (text, fault) => {
    const [first] = condition(text);
    expect(first).toMatch(fault);
  });
});

describe('expressions', () => {
  const bad = (text: string, message: string, remedy: string) =>
    expect(when(text)).toEqual([
      `12:15 BAD_EXPRESSION ${choose}.cases[0].when | the expression ${text.includes('"') ? `'${text}'` : `"${text}"`}${message} | ${remedy}`,
    ]);

  test('have a grammar', () => {
    bad(
      'params.rows >',
      ' at character 14: Unexpected token: EOF',
      'See the section "Expressions" of docs/parameters.md.',
    );
    bad('params.rows = 1', ' at character 13: Unexpected character: =', 'Two values are compared with "==".');
    bad(
      `\${rows} == 1`,
      ' at character 1: Unexpected character: $',
      'Write params.name, without a dollar sign and braces.',
    );
  });

  test('are true or false', () => {
    const remedy = 'Compare it with something: params.count > 3.';
    bad('size(params.target)', ': expected true or false, came a value of type int', remedy);
    bad('"live"', ': expected true or false, came a value of type string', remedy);
  });

  test('read parameters that there are', () => {
    bad(
      'params.taget == "live"',
      ' at character 1: neither the workflow nor the switch has a parameter "taget"',
      'Did you mean "params.target"?',
    );
    bad('target == "live"', ' at character 1: there is no variable "target"', 'Did you mean "params.target"?');
    expect(when('params.other == 1')[0]).toContain(
      'Add it to "params" of the workflow or of the switch. Known: target, rows.',
    );
  });

  test('read tasks that the switch needs', () => {
    bad(
      'tasks.audit.status == "failed"',
      ' at character 1: the switch does not need a task "audit", so it does not know how that ends',
      'Add "audit" to its needs.',
    );
    bad('load.status == "failed"', ' at character 1: there is no variable "load"', 'Did you mean "tasks.load"?');
  });

  test.each([
    '[1, 2].exists(x, x > params.rows)',
    'cel.bind(n, params.rows, n > 1)',
    'has(tasks.load.outputs.rows)',
    'params.exists(name, name == "a")',
  ])('%s is one', (text) => expect(when(text)).toEqual([]));

  test('without anything to read are evaluated', () => {
    expect(when('1 / 0 == 1')[0]).toMatch(/BAD_EXPRESSION .* division by zero/i);
  });
});

test('options that do nothing are refused', () => {
  const script = (option: string) => faultsOf(`type: script\n${option}`)[0];
  expect(script('timeoutPolicy: warn')).toMatch(/^11:20 BAD_VALUE tasks.choose.timeoutPolicy .* Add "timeout"/);
  expect(script('queueTimeout: 0s')).toMatch(/BAD_VALUE tasks.choose.queueTimeout/);
  const noField = (type: string, option: string) =>
    expect(faultsOf(`${type}\n${option}`)[0]).toContain('UNKNOWN_FIELD');
  const switched = 'type: switch\ncases: [{ when: "params.rows > 1", next: release }]';
  for (const option of ['retry: 2', 'timeout: 5s', 'delay: 5s', 'priority: high', 'env: {}', 'group: g']) {
    noField(switched, option);
    noField('type: conditions\nwhen: { load: failed }', option);
  }
  for (const option of ['priority: high', 'queueTimeout: 5s', 'params: {}', 'workerGroup: big']) {
    noField('type: approval', option);
    noField('type: signal\nname: go', option);
  }
  expect(faultsOf('type: approval\nretry: 2')[0]).toMatch(/retry \| such a task is only tried again after a timeout/);
  expect(faultsOf('type: approval\nretry: 2\ntimeout: 5s\ntimeoutPolicy: warn')).toHaveLength(1);
  expect(faultsOf('type: approval\nretry: 2\ntimeout: 5s')).toEqual([]);
});

test('what arrives over the wire is checked alike', () => {
  const parsed = parseDefinition(
    `${around}type: switch\n    cases: [{ when: "params.rows > 1", next: release }]\n`,
    'w.yaml',
  );
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  const definition = JSON.parse(JSON.stringify(parsed.definition));
  definition.tasks[4].settings.cases[0] = { when: 'params.rows >', next: ['audit'] };
  const checked = checkDefinition(definition);
  const faults = checked.kind === 'faults' ? checked.faults : [];
  expect(faults.map(({ code, path }) => `${code} ${path}`)).toEqual([
    'UNCONNECTED_TASK tasks[4].settings.cases[0].next[0]',
    'BAD_EXPRESSION tasks[4].settings.cases[0].when',
  ]);
});
