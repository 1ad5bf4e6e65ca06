/** The examples of the page are definitions that the validator takes, and they end as the page says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planOf } from '../../actors/graph/plan.ts';
import { entries } from '../../actors/kit/persistent-vector.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { RandomRun } from '../actors/random-run.ts';
import { assign, attemptIdOf, conclude, nameOf, now, ownershipTaken, report, submitted } from '../actors/run-events.ts';
import { type Given, given } from '../kit/given.ts';
import { root } from './markdown.ts';

const page = readFileSync(join(root, 'docs/workflow-language.md'), 'utf8');
const texts = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
const examples = new Map(texts.map((text) => [(parse(text) as { name: string }).name, text]));

function example(name: string): WorkflowDefinition {
  const parsed = parseDefinition(examples.get(name) ?? '', `${name}.yaml`);
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  return parsed.definition;
}

function endsOf({ snapshot }: Pick<Given, 'snapshot'>): Record<string, string> {
  const tasks = [...entries(snapshot.context.tasks)].map(([, { context, status }]) => [context.task, status]);
  return { run: snapshot.value, ...Object.fromEntries(tasks) };
}

/** All goes well. */
function played(name: string): Record<string, string> {
  const run = new RandomRun(workflowInstanceActor(planOf(example(name))));
  run.play([]);
  return endsOf(run);
}

const begun = [submitted, ownershipTaken(1)];
const start = (task: string): WorkflowInstanceCommand => ({
  type: 'StartTask',
  now,
  task: nameOf(task),
  attemptId: attemptIdOf(9),
});

describe('the examples of the page', () => {
  it('are all tried here', () => {
    expect([...examples.keys()]).toEqual(['nightly', 'deliver', 'guarded', 'thumbnails', 'strict']);
  });

  it('nightly passes over the disabled task', () => {
    expect(played('nightly')).toEqual({ run: 'succeeded', fetch: 'succeeded', check: 'skipped', load: 'succeeded' });
  });

  it('thumbnails has four items, of which two are under way at a time', () => {
    const definition = example('thumbnails');
    const target = { ...submitted, data: { ...submitted.data, params: definition.params } } as typeof submitted;
    const run = given(definition, target, ownershipTaken(1), start('resize'), assign('resize[0]', 1));
    const statuses = [0, 1, 2, 3].map((item) => run.task(`resize[${item}]`).status);
    expect(statuses).toEqual(['assigned', 'ready', 'waiting', 'waiting']);
  });

  it('deliver skips the way that is not taken, and runs the join', () => {
    const others = { build: 'succeeded', choose: 'succeeded', rehearse: 'succeeded', tidy: 'succeeded' };
    const definition = { ...example('deliver') };
    const target = { ...submitted, data: { ...submitted.data, params: definition.params } } as typeof submitted;
    const run = given(
      definition,
      target,
      ownershipTaken(1),
      assign('build', 1),
      report('succeeded', 'build', 1),
      start('choose'),
    ).and(
      assign('rehearse', 2),
      report('succeeded', 'rehearse', 2),
      assign('tidy', 3),
      report('succeeded', 'tidy', 3),
      conclude,
    );
    expect(endsOf(run)).toEqual({ run: 'succeeded', release: 'skipped', announce: 'skipped', ...others });
  });

  it('guarded handles the failure', () => {
    const run = given(example('guarded'), ...begun, assign('load', 1), report('failed', 'load', 1), start('guard')).and(
      assign('repair', 2),
      report('succeeded', 'repair', 2),
      conclude,
    );
    expect(endsOf(run)).toEqual({
      run: 'succeeded',
      load: 'failed',
      report: 'blocked',
      guard: 'succeeded',
      repair: 'succeeded',
    });
  });

  it('strict stops everything at the first failure', () => {
    const run = given(
      example('strict'),
      ...begun,
      assign('import', 1),
      assign('audit', 2),
      report('failed', 'audit', 2),
    ).and(report('cancelled', 'import', 1), conclude);
    expect(endsOf(run)).toEqual({ run: 'failed', import: 'stopped', audit: 'failed', publish: 'stopped' });
  });
});
