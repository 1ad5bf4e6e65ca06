/**
 * What the build of the previous commit writes, this one would write too; and a build that alters one past decision is found,
 * with run, revision and cause. Where the repository does not have that commit, as in a shallow clone, the histories of the
 * releases stand for it (`verify.test.ts`).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCommandLine } from '../cli/command-line.ts';

const root = new URL('../..', import.meta.url).pathname;
/** Without the histories of releases, so that all are made anew. */
const sources = ['actors', 'schemas', 'src', 'test', 'package.json', ':(exclude)test/histories'];

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** Of changes that are not committed yet, the last commit is the previous build. */
function previousCommit(): string | undefined {
  const changed = git('status', '--porcelain', '--', 'actors', 'schemas', 'src');
  return git('rev-parse', '--verify', '--quiet', changed === '' ? 'HEAD~1' : 'HEAD');
}

const commit = previousCommit();
let folder = '';

beforeAll(() => {
  if (commit === undefined) {
    console.info('the previous commit is not in this clone: histories of releases stand for it');
    return;
  }
  folder = mkdtempSync(join(tmpdir(), 'millrace-previous-'));
  const archive = execFileSync('git', ['archive', commit, ...sources], { cwd: root, maxBuffer: 1_000_000_000 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const tsx = import.meta.resolve('tsx');
  for (const release of ['0.1', '0.2']) {
    const script = join(folder, 'test/kit/make-histories.ts');
    execFileSync(process.execPath, ['--import', tsx, script, release], { cwd: folder, stdio: 'pipe' });
  }
});

afterAll(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

function box() {
  const made = createCommandLine({ withMaster: false, env: { MILLRACE_NATS_SERVERS: 'nats://nowhere:1' } });
  cpSync(join(folder, 'test/histories'), join(made.cwd, 'histories'), { recursive: true });
  return made;
}

describe.skipIf(commit === undefined)('histories of the previous commit', () => {
  it('are written again by this build, and by the one that wrote them', async () => {
    const made = box();
    const files = readdirSync(join(made.cwd, 'histories'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => file.endsWith('.jsonl')).length).toBeGreaterThan(30);
    expect(await made.run('verify', '--dir', 'histories'), made.stdout()).toBe(0);
    expect(await made.run('verify', '--dir', 'histories', '--build', folder), made.stdout()).toBe(0);
    expect(made.stdout()).toContain('0 diverge');
  });

  it('find a build that alters one past decision, and name run, revision and cause', async () => {
    const made = box();
    for (const part of ['actors/graph', 'actors/workflow-instance'])
      mkdirSync(join(made.cwd, 'changed', part), { recursive: true });
    writeFileSync(
      join(made.cwd, 'changed/actors/graph/plan.ts'),
      `import { planOf as of } from '${folder}/actors/graph/plan.ts';\nexport const planOf = (definition) => of(definition);\n`,
    );
    writeFileSync(
      join(made.cwd, 'changed/actors/workflow-instance/workflow-instance.actor.ts'),
      `import { workflowInstanceActor as of } from '${folder}/actors/workflow-instance/workflow-instance.actor.ts';
export const workflowInstanceActor = (plan) => {
  const actor = of(plan);
  const decide = (snapshot, command) => {
    const decision = actor.decide(snapshot, command);
    if (command.type !== 'ConcludeWorkflow' || decision.kind === 'rejected') return decision;
    return { kind: 'events', events: [{ type: 'WorkflowSucceeded', data: { finishedAt: command.now } }] };
  };
  return { ...actor, decide };
};
`,
    );
    expect(await made.run('verify', '--dir', 'histories', '--build', 'changed', '--json')).toBe(1);
    const { classes } = made.json() as { classes: { signature: string; smallest: object }[] };
    expect(classes.find(({ signature }) => signature === 'WorkflowFailed: decides WorkflowSucceeded')).toMatchObject({
      kind: 'decidesOtherwise',
      smallest: {
        run: expect.stringMatching(/^0\.\d\/.*\.jsonl$/),
        revision: expect.any(Number),
        message: 'asked for ConcludeWorkflow: it decides WorkflowSucceeded, recorded is WorkflowFailed',
      },
    });
  });

  it('are no build where there is none', async () => {
    const made = box();
    expect(await made.run('verify', '--dir', 'histories', '--build', 'histories')).toBe(64);
    expect(made.stderr()).toContain('histories is no build of Millrace');
  });
});
