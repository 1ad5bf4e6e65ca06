/** Trees of dependents: by hand, and against a plain model of three truth values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Evaluation, evaluate, type Finding, verdictOf } from '../../actors/dependent/evaluate.ts';
import { evidenceWords, missingWords } from '../../actors/dependent/words.ts';
import type { DependentItem, DependentSettings, Relation } from '../../schemas/definition/run-settings.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';

const from = { logicalAt: Date.parse('2026-03-18T10:30:00Z'), timeZone: 'UTC' };
const run = '11111111-1111-4111-8111-111111111111' as InstanceId;

const item = (workflow: string, more: Partial<DependentItem> = {}): DependentItem => ({
  workflow: workflow as WorkflowName,
  cycle: 'day',
  range: 'today',
  ...more,
});
const settings = (
  relation: Relation,
  groups: [Relation, DependentItem[]][],
  more: Partial<DependentSettings> = {},
): DependentSettings => ({
  type: 'dependent',
  relation,
  items: groups.map(([inner, items]) => ({ relation: inner, items })),
  onFailure: 'fail',
  ...more,
});
const met: Finding = { kind: 'met', instance: run };
const failed = (failedAt = 0): Finding => ({ kind: 'failed', instance: run, failedAt, why: 'failed' });
const open: Finding = { kind: 'open' };

describe('one item', () => {
  const two = settings('and', [['and', [item('a', { range: 'last2Days' })]]]);
  test('needs a run in each of its intervals', () => {
    let count = 0;
    const evaluation = evaluate(two, from, () => (count++ === 0 ? met : open));
    expect(evaluation).toMatchObject({
      kind: 'open',
      missing: [{ interval: { fromAt: Date.parse('2026-03-17T00:00:00Z') } }],
    });
    expect(evaluate(two, from, () => met)).toMatchObject({ kind: 'met', evidence: [{}, {}] });
  });
  test('tells what it waits for and what decided', () => {
    const told = evaluate(two, from, () => open) as Extract<Evaluation, { kind: 'open' }>;
    expect(missingWords(told.missing, 'UTC')).toBe(
      'waits for a last2Days (2026-03-16 00:00 to 2026-03-17 00:00 UTC): no run yet; a last2Days (2026-03-17 00:00 to 2026-03-18 00:00 UTC): no run yet',
    );
    const judged = evaluate(settings('or', [['or', [item('a', { task: '*' })]]]), from, () => failed());
    expect(judged.kind === 'failed' && evidenceWords(judged.evidence, 'UTC')).toBe(
      `every task of a today (2026-03-18 00:00 to 2026-03-19 00:00 UTC): failed in the run ${run}`,
    );
  });
});

describe('a failure', () => {
  const tree = (more: Partial<DependentSettings>) => settings('and', [['and', [item('a'), item('b')]]], more);
  const byName = ({ workflow }: DependentItem) => (workflow === 'a' ? failed(1_000) : open);
  const verdict = (more: Partial<DependentSettings>, now: number) =>
    verdictOf(evaluate(tree(more), from, byName), tree(more), now);

  test('fails the task at once by default', () => {
    expect(verdict({}, 1_000).kind).toBe('fail');
  });
  test('waits for a better run as long as it may', () => {
    const waits = { onFailure: 'wait', failureWaitMs: 500 } as const;
    expect(verdict(waits, 1_499)).toEqual({ kind: 'wait', dueAt: 1_500 });
    expect(verdict(waits, 1_500).kind).toBe('fail');
    expect(verdict({ onFailure: 'wait' }, 1e12)).toEqual({ kind: 'wait' });
  });
  test('of alternatives counts from the last one, of requirements from the first', () => {
    const at = ({ workflow }: DependentItem) => failed(workflow === 'a' ? 1_000 : 2_000);
    const failedAt = (relation: Relation) =>
      evaluate(settings(relation, [[relation, [item('a'), item('b')]]]), from, at);
    expect(failedAt('and')).toMatchObject({ failedAt: 1_000 });
    expect(failedAt('or')).toMatchObject({ failedAt: 2_000 });
  });
});

describe('random trees', () => {
  const kinds = ['met', 'failed', 'open'] as const;
  type Kind = (typeof kinds)[number];
  const relation = fc.constantFrom<Relation>('and', 'or');
  const trees = fc.record({
    relation,
    groups: fc.array(fc.tuple(relation, fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 4 })), {
      minLength: 1,
      maxLength: 4,
    }),
  });
  const combined = (how: Relation, parts: readonly Kind[]): Kind => {
    const [decisive, other]: [Kind, Kind] = how === 'and' ? ['failed', 'met'] : ['met', 'failed'];
    if (parts.includes(decisive)) return decisive;
    return parts.every((part) => part === other) ? other : 'open';
  };

  test('come out as three truth values do', () => {
    fc.assert(
      fc.property(trees, ({ relation: outer, groups }) => {
        const named = groups.map(([how, found], group): [Relation, DependentItem[]] => [
          how,
          found.map((kind, index) => item(`${kind}-${group}-${index}`)),
        ]);
        const known = ({ workflow }: DependentItem): Finding => {
          const kind = workflow.split('-')[0];
          return kind === 'met' ? met : kind === 'failed' ? failed(7) : open;
        };
        const expected = combined(
          outer,
          groups.map(([how, found]) => combined(how, found)),
        );
        const evaluation = evaluate(settings(outer, named), from, known);
        expect(evaluation.kind).toBe(expected);
        const told = evaluation.kind === 'open' ? evaluation.missing : evaluation.evidence;
        expect(told.length).toBeGreaterThan(0);
        expect(told.every(({ finding }) => finding.kind === expected)).toBe(true);
      }),
    );
  });
});
