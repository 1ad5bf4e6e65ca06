/** What if other workers had been there: placements are made anew as far as the recorded results allow. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { verifyHistory } from '../../src/replay/divergence.ts';
import { recordedWorkers } from '../../src/replay/recorded-workers.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { whatIf } from '../../src/replay/what-if.ts';
import { fails, given, losesWorker, signal, succeeds, takes } from '../../src/test-kit/test-kit.ts';
import type { WorkerSet } from '../../src/virtual/virtual-workers.ts';
import { languageArbitrary } from '../kit/language-definitions.ts';

const fan = `name: fan\ntasks:\n${[0, 1, 2, 3].map((at) => `  t${at}: { type: shell, command: x }`).join('\n')}`;
const two: WorkerSet = { w1: { groups: ['default'], slots: 1 }, w2: { groups: ['default'], slots: 1 } };
const one: WorkerSet = { w1: { groups: ['default'], slots: 1 } };

const played = (workflow: string, scenario: Parameters<typeof given>[1] = {}) =>
  given(workflow, scenario).when().run.history;

describe('the workers that a run met', () => {
  it('are told by its placements, with their slots and groups', () => {
    const mixed =
      'name: m\ntasks:\n  a: { type: shell, command: x, workerGroup: gpu }\n  b: { type: shell, command: x }';
    const workers = { w1: { groups: ['default', 'gpu'], slots: 4 }, w2: { groups: ['default'], slots: 2 } };
    const found = recordedWorkers(new ReplayedRun(played(mixed, { workers })));
    expect(found.w1?.slots).toBe(4);
    expect(found.w2).toEqual({ groups: ['default'], slots: 2 });
  });
});

describe('what if', () => {
  it('a worker had not been there: its tasks wait for the slots of the others', () => {
    const result = whatIf(played(fan, { workers: two }), { workers: { w2: null } });
    expect(result.parting?.message).toBe(
      't1 went to w2, which is not there: it waits, all slots of the group default are taken',
    );
    expect(result.end).toMatchObject({
      recorded: { status: 'succeeded', afterMs: 2_000 },
      changed: { status: 'succeeded', afterMs: 4_000 },
    });
    expect(result.changed.broken).toBeUndefined();
    expect(result.tasks.find(({ task }) => task === 't3')).toMatchObject({
      recorded: { endedAfterMs: 2_000 },
      changed: { endedAfterMs: 4_000 },
    });
    expect(result.assumptions).toEqual([]);
  });

  it('nobody had been there of a group: its tasks wait, and say why', () => {
    const mixed =
      'name: m\ntasks:\n  a: { type: shell, command: x, workerGroup: gpu }\n  b: { type: shell, command: x, needs: a }';
    const workers = { gpu1: { groups: ['gpu'], slots: 1 }, w1: { groups: ['default'], slots: 1 } };
    const result = whatIf(played(mixed, { workers }), { workers: { gpu1: null } });
    expect(result.parting?.message).toBe(
      'a went to gpu1, which is not there: it waits, no worker of the group gpu is there',
    );
    expect(result.end.changed.status).toBe('active');
    const types = result.changed.history.events.map(({ type, data }) => `${type} ${(data as { task?: string }).task}`);
    expect(types).toContain('TaskHeld a');
    expect(types).not.toContain('TaskAssigned a');
  });

  it('a worker had fewer slots, or more', () => {
    const history = played(fan, { workers: { w1: { groups: ['default'], slots: 2 } } });
    const fewer = whatIf(history, { workers: one });
    expect(fewer.parting?.message).toContain('t1 went to w1, which has no slot for it');
    expect(fewer.end.changed.afterMs).toBe(4_000);
    const more = whatIf(history, { workers: { w1: { groups: ['default'], slots: 4 } } });
    expect(more.parting?.message).toBe('t2 waits for a worker in the recorded run; w1 could take it here');
    expect(more.end.changed.afterMs).toBe(1_000);
  });

  it('there had been a worker more: who waited begins earlier', () => {
    const result = whatIf(played(fan, { workers: one }), { workers: { w9: { groups: ['default'], slots: 3 } } });
    expect(result.parting).toMatchObject({ revision: 0, message: expect.stringContaining('w9 could take it here') });
    expect(result.end).toMatchObject({ recorded: { afterMs: 4_000 }, changed: { afterMs: 1_000 } });
    expect(result.changed.at(result.changed.lastRevision).snapshot.context.epoch).toBe(1);
    expect(verifyHistory(result.changed.history).divergence).toBeUndefined();
  });

  it('there had been a worker more, and nobody had waited: nothing, also when the clock goes on within a decision', () => {
    const history = played(fan, { workers: { w1: { groups: ['default'], slots: 9 } } });
    const events = history.events.map((event) => {
      const metadata = event.metadata as { decidedAt: number };
      return { ...event, metadata: { ...metadata, decidedAt: metadata.decidedAt + event.revision } };
    });
    const result = whatIf({ ...history, events }, { workers: { w9: { groups: ['default'], slots: 3 } } });
    expect(result.parting).toBeUndefined();
  });

  it('another group had a worker more: nothing', () => {
    const result = whatIf(played(fan, { workers: one }), { workers: { w9: { groups: ['gpu'], slots: 3 } } });
    expect(result.parting).toBeUndefined();
    expect(result.tasks).toEqual([]);
  });

  it('the worker that was lost had not been there: what another one would have made of it is assumed', () => {
    const chain = 'name: c\ntasks:\n  a: { type: shell, command: x }';
    const scenario = { workers: two, results: { a: [losesWorker(), takes('5s')] } };
    const result = whatIf(played(chain, scenario), { workers: { w1: null } });
    expect(result.assumptions).toEqual([
      { task: 'a', attempt: 1, text: 'what ended it was the recorded worker, w1; it is taken to succeed after 500 ms' },
    ]);
    expect(result.end.changed).toMatchObject({ status: 'succeeded', afterMs: 500 });
  });

  it('the same workers had been there: nothing, in any run', () => {
    const set = fc.constantFrom<WorkerSet>(one, two, { w1: { groups: ['default'], slots: 3 } });
    const outcomes = [succeeds({ x: 1 }), fails({ times: 1 }), takes(300)];
    fc.assert(
      fc.property(
        languageArbitrary(6),
        set,
        fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }),
        (definition, workers, dice) => {
          fc.pre(checkDefinition(definition).kind === 'ok');
          const results = definition.tasks.flatMap(({ name, settings }, at) =>
            settings.type === 'script' ? [[name, outcomes[dice[at] ?? 0] ?? succeeds()] as const] : [],
          );
          const scenario = { workers, results: Object.fromEntries(results) };
          const { history } = given(definition, scenario).when(signal('go'), signal('halt')).run;
          const result = whatIf(history, { workers: {} });
          expect(result.parting).toBeUndefined();
          expect(result.changed.history.events).toEqual(history.events);
        },
      ),
      { numRuns: 60 },
    );
  });
});
