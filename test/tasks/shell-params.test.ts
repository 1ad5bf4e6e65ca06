// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** What a shell task is given as parameters, what it may say as outputs, and that no secret is seen. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSaidOutputs } from '../../src/tasks/said-outputs.ts';
import { createShellTaskType } from '../../src/tasks/shell/shell.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import type { TaskType } from '../../src/tasks/task-type.port.ts';
import { startSupervisedHost } from '../supervisor/supervised-host.ts';
import { type AttemptFixture, closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

const baseEnvironment = { PATH: process.env.PATH };
const supervised = startSupervisedHost();
const direct = createShellTaskType({ processes: systemProcessTable, baseEnvironment });
const underSupervisor = createShellTaskType({ processes: systemProcessTable, baseEnvironment, host: supervised.host });

let shell: TaskType = direct;
let fixture: AttemptFixture;
afterEach(closeAttempts);
afterAll(() => supervised.remove());

function run(command: string, options: FixtureOptions & { template?: true } = {}): AttemptFixture {
  const { template, ...rest } = options;
  fixture = runAttempt(shell, { type: 'shell', command, graceMs: 5_000, ...(template && { template }) }, rest);
  return fixture;
}

async function outputOf(command: string, options: FixtureOptions & { template?: true } = {}): Promise<string> {
  await run(command, options).result;
  return fixture.output();
}

describe('a shell task', () => {
  beforeEach(() => {
    shell = direct;
  });

  it('has each parameter and each output of needed tasks as MILLRACE_PARAM_name', async () => {
    const params = { target: `a'b"c $(id) \`id\``, PATH: '/evil', n: 5 };
    const needs = { build: { version: '1.4', target: 'other' } };
    const command =
      'printf "%s|" "$MILLRACE_PARAM_target" "$MILLRACE_PARAM_PATH" "$MILLRACE_PARAM_n" "$MILLRACE_PARAM_version" "$version"';
    expect(await outputOf(command, { params, needs })).toBe(`a'b"c $(id) \`id\`|/evil|5|1.4||`);
  });

  it('has placeholders filled in its env, and fails where one has no value', async () => {
    const env = {
      A: '${target}/$[yyyyMMdd-1]/${system.biz.curdate}',
      B: '$${target}',
      C: '${system.task.execute.path}',
    };
    expect(await outputOf('echo "$A $B"; [ "$C" = "$(pwd)" ] && echo same', { params: { target: 't' }, env })).toBe(
      't/20240228/20240229 ${target}\nsame\n',
    );
    expect(() => run('true', { env: { A: '${nothing}' } })).toThrow(expect.objectContaining({ code: 'PARAM_MISSING' }));
  });

  it('leaves placeholders in its command to the shell, unless it says that it is a template', async () => {
    const params = { target: 't', system: 'x' };
    const command = `echo '\${target}' "\${target}" '$[yyyyMMdd]' '\${other}' "\${other:-none}"`;
    expect(await outputOf(command, { params })).toBe('${target} t $[yyyyMMdd] ${other} none\n');
    expect(await outputOf(command, { params, template: true })).toBe('t t 20240229 ${other} none\n');
  });

  it('says outputs in its output, and writes them to a file of its own, which goes first', async () => {
    const command = [
      `echo '#{setValue(a=1)} and \${setValue(b=x=y)}'`,
      `printf '#{setValue(many=first\\nsecond)}\\n' >&2`,
      `echo '#{setValue(c=said)}'; echo 'c=written' >> "$MILLRACE_OUTPUT"`,
      `printf 'text<<END\\nline 1\\n\\nb=2\\nEND\\nd=4\\n' >> "$MILLRACE_OUTPUT"`,
    ].join('\n');
    expect(await run(command).result).toEqual({
      kind: 'succeeded',
      outputs: { a: '1', b: 'x=y', many: 'first\nsecond', c: 'written', text: 'line 1\n\nb=2', d: '4' },
    });
    expect(statSync(join(fixture.root, 'outputs')).mode & 0o777).toBe(0o600);
  });

  it('fails when a block of its outputs has no end', async () => {
    run(`printf 'a<<END\\nx\\n' > "$MILLRACE_OUTPUT"`);
    expect(await fixture.result).toMatchObject({ kind: 'failed', fault: { code: 'OUTPUT_INVALID' } });
  });
});

describe('outputs that are said', () => {
  it.each([
    ['a value', '${setValue(a=1)}', { a: '1' }],
    ['the last one of a name', '#{setValue(a=1)}\n#{setValue(a=2)}', { a: '2' }],
    ['an empty value', '#{setValue(a=)}', { a: '' }],
    ['several lines', '#{setValue(a=1\n2\n)}', { a: '1\n2\n' }],
    ['no end', '#{setValue(a=1', {}],
    ['no name', '#{setValue(=1)} #{setValue(a b=1)}', {}],
    ['too many lines', `#{setValue(a=${'\n'.repeat(1_100)})} #{setValue(b=1)}`, { b: '1' }],
    ['1,024 lines', `#{setValue(a=${'\n'.repeat(1_023)})}`, { a: '\n'.repeat(1_023) }],
  ])('%s', (_name, text, outputs) => {
    expect(parseSaidOutputs(text)).toEqual(outputs);
  });

  it('are read in time that grows with the text', () => {
    const startedAt = performance.now();
    parseSaidOutputs(`${'#{setValue(a=\n'.repeat(400_000)})}`);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});

describe.each([
  ['in the worker', direct],
  ['under the supervisor', underSupervisor],
] as const)('a secret of a task %s', (_where, taskType) => {
  const late = { token: { secret: 'key' }, header: 'Bearer ${token}' };
  const secrets = { key: 'hunter2"x' };
  beforeEach(() => {
    shell = taskType;
  });

  it('reaches the command as a variable, and nobody else', async () => {
    const command = [
      '[ "$token" = \'hunter2"x\' ] && [ "$MILLRACE_PARAM_header" = "Bearer $token" ] && echo right',
      'echo "said $token"; printf hunt; sleep 0.05; printf \'er2"x\'; echo " $token" >&2',
      'echo "#{setValue(a=$token)}"; echo "b=$header" >> "$MILLRACE_OUTPUT"',
    ].join('\n');
    const result = await run(command, { late, secrets, params: { plain: 'p' } }).result;
    expect(fixture.output()).toContain('right\nsaid ***\n***');
    expect(fixture.output()).not.toContain('hunter2');
    expect(JSON.stringify(result)).toContain('***');
    expect(readFileSync(join(fixture.root, 'inputs.json'), 'utf8')).not.toContain('hunter2');
  });

  it('is not in the message of a failure', async () => {
    const result = await run('echo "no $token here"; exit 3', { late, secrets }).result;
    expect(result).toMatchObject({ fault: { message: 'expected exit code 0, found 3. Its last line: no *** here' } });
  });

  it('is not filled into the text of a command', async () => {
    expect(
      await outputOf(`[ '\${token}' = "$(printf '$%s' '{token}')" ] && echo own`, { late, secrets, template: true }),
    ).toBe('own\n');
  });

  it('that the worker does not have fails the attempt before it starts', () => {
    const fault = { code: 'SECRET_UNKNOWN', message: expect.stringContaining('key') };
    expect(() => run('echo started', { late, secrets: {} })).toThrow(expect.objectContaining(fault));
  });
});
