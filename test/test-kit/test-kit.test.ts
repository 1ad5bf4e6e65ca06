/** The kit that users test their workflows with: what it plays is what a cluster would decide, and what is not so is told. */
import { AssertionError } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { verifyHistory } from '../../src/replay/divergence.ts';
import { parseRunFile } from '../../src/replay/run-file.ts';
import {
  approve,
  asks,
  decline,
  fails,
  given,
  isRefused,
  losesWorker,
  masterDies,
  neverReports,
  passes,
  pause,
  resume,
  signal,
  stop,
  succeeds,
  takes,
  until,
  workerJoins,
  workerLeaves,
} from '../../src/test-kit/test-kit.ts';
import { languageArbitrary } from '../kit/language-definitions.ts';

const nightly = `
name: nightly
params: { day: monday }
tasks:
  fetch: { type: shell, command: ./fetch, retry: { attempts: 3, delay: 10s, jitter: 0 } }
  load: { type: shell, command: ./load, needs: fetch, timeout: 1m }
  report: { type: shell, command: ./report, needs: load }
`;

describe('given, when, then', () => {
  it('runs a workflow to its end, in virtual time', () => {
    given(nightly, { results: { fetch: fails({ times: 2 }), load: takes('30s', { rows: 7 }) } })
      .when()
      .thenEnds('succeeded')
      .thenTask('fetch', { status: 'succeeded', attempts: 3 })
      .thenTask('load', { outputs: { rows: 7 } })
      .thenAmong(
        'TaskFailed fetch',
        'TaskRetryDue fetch',
        'TaskFailed fetch',
        'TaskSucceeded fetch',
        'TaskSucceeded load',
      )
      .thenNever('TaskFailed load')
      .thenElapsed(1_000 + 10_000 + 1_000 + 20_000 + 1_000 + 30_000 + 1_000);
  });

  it('tells the whole list of events', () => {
    given({ name: 'one', tasks: { a: { type: 'shell', command: 'true' } } })
      .when()
      .then(
        'WorkflowSubmitted',
        { type: 'OwnershipTaken', data: { epoch: 1, reason: 'created' } },
        { type: 'TaskAssigned', data: { task: 'a', worker: 'worker-1', attempt: 1 } },
        'TaskAccepted a',
        'TaskStarted a',
        'TaskSucceeded a',
        'WorkflowSucceeded',
      );
  });

  it('goes on in steps, each with the events that are new', () => {
    given('name: gate\ntasks:\n  wait: { type: signal, name: go }\n  ship: { type: shell, command: x, needs: wait }')
      .when()
      .thenStatus('running')
      .thenTask('wait', { status: 'awaiting' })
      .when(passes('2h'))
      .then()
      .when(signal('go', { by: 'Ada' }))
      .thenAmong('SignalReceived', 'TaskConcluded wait', 'TaskSucceeded ship')
      .thenTask('wait', { outputs: { payload: { by: 'Ada' } } })
      .thenEnds('succeeded')
      .thenElapsed(7_200_000 + 1_000);
  });

  it('lets people steer', () => {
    const held = given(nightly).when(until('TaskStarted fetch'), pause({ by: 'Ada' }));
    held.thenStatus('paused').thenTask('load', { status: 'ready' });
    expect(held.run.why('load')).toContain('Ada');
    held.when(asks({ type: 'skipTask', task: 'load' })).thenTask('load', { status: 'skipped' });
    held.when(resume()).thenEnds('succeeded');
    given(nightly).when(until('TaskStarted load'), stop()).thenEnds('stopped').thenNever('TaskAssigned report');
    given(nightly)
      .when(asks({ type: 'forceTask', task: 'load' }))
      .thenRejected('COMMAND_NOT_ALLOWED');
  });

  it('answers approvals', () => {
    const workflow = 'name: w\ntasks:\n  ask: { type: approval }\n  ship: { type: shell, command: x, needs: ask }';
    given(workflow).when(until('TaskAwaits ask'), approve('ask')).thenEnds('succeeded');
    given(workflow)
      .when(until('TaskAwaits ask'), decline('ask'))
      .thenEnds('failed')
      .thenTask('ship', { status: 'blocked' });
  });

  it('plays attempts that are silent until they are cancelled, refused, or lose their worker', () => {
    given(nightly, { results: { load: neverReports() } })
      .when()
      .thenEnds('failed')
      .thenTask('load', { fault: 'TASK_TIMED_OUT' })
      .thenElapsed('61s');
    given(nightly, { results: { fetch: isRefused({ times: 2 }) } })
      .when()
      .thenAmong('TaskRejected fetch', 'TaskRejected fetch', 'TaskSucceeded fetch');
    given(nightly, { results: { fetch: [losesWorker({ times: 2 }), succeeds({ rows: 1 })] } })
      .when()
      .thenAmong('TaskLost fetch', 'TaskLost fetch', 'TaskSucceeded fetch')
      .thenTask('fetch', { attempts: 3, outputs: { rows: 1 } });
    given(nightly, { lossesMax: 1, results: { fetch: losesWorker({ times: 9 }) } })
      .when()
      .thenEnds('failed')
      .thenAmong({ type: 'TaskLost', data: { givenUp: true } });
  });

  it('lets a worker come back with its attempt', () => {
    const patient = nightly.replace('command: ./fetch,', 'command: ./fetch, onWorkerLost: wait,');
    given(patient, { results: { fetch: losesWorker({ back: '5s', withAttempt: true }) } })
      .when()
      .thenAmong('TaskWorkerAbsent fetch', 'TaskWorkerReturned fetch', 'TaskSucceeded fetch')
      .thenNever('TaskLost fetch')
      .thenTask('fetch', { attempts: 1 });
  });

  it('places tasks on the workers that are there, one slot each', () => {
    const fan = `name: fan\ntasks:\n${[0, 1, 2].map((at) => `  t${at}: { type: shell, command: x }`).join('\n')}`;
    given(fan, { workers: { small: { groups: ['default'], slots: 1 } } })
      .when()
      .thenEnds('succeeded')
      .thenElapsed('3s');
    given(fan, { workers: { gpu: { groups: ['gpu'], slots: 1 } } })
      .when()
      .thenStatus('running')
      .thenTask('t0', { status: 'ready', held: 'NO_WORKER_IN_GROUP' })
      .when(workerJoins('late', { groups: ['default'], slots: 2 }))
      .thenEnds('succeeded')
      .thenTask('t2', { worker: 'late' });
    given(fan)
      .when(until('TaskStarted t0'), workerLeaves('worker-1'))
      .thenTask('t0', { status: 'ready', held: 'NO_WORKER_IN_GROUP' });
  });

  it('gives scripts what the task was given', () => {
    const workflow = `
name: shards
params: { size: 2 }
tasks:
  list: { type: shell, command: x }
  each: { type: map, needs: list, over: { shard: "tasks.list.outputs.shards" }, task: { type: shell, command: x } }
`;
    const seen: unknown[] = [];
    given(workflow, {
      params: { size: 3 },
      results: {
        list: ({ params }) => succeeds({ shards: Array.from({ length: Number(params.size) }, (_, at) => `s${at}`) }),
        each: ({ item, params }) => {
          seen.push([item, params.shard]);
          return succeeds({ got: params.shard ?? null });
        },
        'each[1]': fails({ times: 0 }),
      },
    })
      .when()
      .thenEnds('succeeded')
      .thenTask('each[2]', { outputs: { got: 's2' } });
    expect(seen).toEqual([
      [0, 's0'],
      [2, 's2'],
    ]);
  });

  it('plays child runs and other runs that are waited for', () => {
    const workflow = 'name: w\ntasks:\n  child: { type: workflow, workflow: other, retry: { attempts: 2, delay: 1s } }';
    given(workflow, { results: { child: [fails(), succeeds({ rows: 2 })] } })
      .when()
      .thenEnds('succeeded')
      .thenTask('child', { attempts: 2, outputs: { rows: 2 } });
  });
});

describe('a dying master', () => {
  const scenario = { results: { fetch: fails({ times: 1 }), load: takes('30s', { rows: 7 }) } };

  it('changes nothing in the end, wherever it dies, also twice', () => {
    const whole = given(nightly, scenario).when();
    let takeoverCount = 0;
    for (const revision of whole.run.events.keys()) {
      const again = given(nightly, { ...scenario, masterDiesAfter: [revision, revision + 3] }).when();
      again.thenEndsAs(whole).thenTask('fetch', { attempts: 2 });
      expect(verifyHistory(again.run.history).divergence).toBeUndefined();
      takeoverCount += again.run.events.filter(({ type, data }) => type === 'OwnershipTaken' && data.epoch > 1).length;
    }
    expect(takeoverCount).toBeGreaterThan(whole.run.events.length * 1.5);
  });

  it('may die at any moment', () => {
    given(nightly, { takeover: '10s' })
      .when(until('TaskStarted load'), masterDies())
      .thenAmong({ type: 'OwnershipTaken', data: { master: 'master-2' } }, 'TaskSucceeded load')
      .thenElapsed('12s');
  });
});

describe('what is not as expected', () => {
  const told = (act: () => unknown): string => {
    try {
      act();
    } catch (fault) {
      expect(fault).toBeInstanceOf(Error);
      return (fault as Error).message;
    }
    throw new Error('nothing was thrown');
  };
  const run = () => given(nightly).when();

  it('is thrown as runners know it, with what was found', () => {
    expect(() => run().thenEnds('failed')).toThrow(AssertionError);
    expect(told(() => run().thenEnds('failed'))).toBe(
      'when the run goes on: expected the run to be failed\nexpected: failed\nfound:    succeeded',
    );
    expect(told(() => run().thenTask('load', { attempts: 2 }))).toContain('"attempts": 1');
    expect(told(() => run().then('WorkflowSubmitted'))).toContain('TaskSucceeded report');
    expect(told(() => run().thenAmong('TaskLost load'))).toContain('expected TaskLost load among the events');
    expect(told(() => run().thenNever('TaskStarted load'))).toContain('expected none of these events');
    expect(told(() => run().thenElapsed('1h'))).toContain('found:    3000');
    expect(told(() => run().thenRejected('COMMAND_NOT_ALLOWED'))).toContain('no refusal');
    expect(
      told(() =>
        given(nightly)
          .when(asks({ type: 'forceTask', task: 'load' }))
          .thenEnds('succeeded'),
      ),
    ).toContain('COMMAND_NOT_ALLOWED');
    const alone = { workers: { gpu: { groups: ['gpu'], slots: 1 } } };
    expect(told(() => given(nightly, alone).when().thenEnds('succeeded'))).toContain(
      'running: fetch is held: no worker of the group default is here',
    );
    expect(told(() => run().thenEndsAs(given(nightly, { results: { load: fails() } }).when()))).toContain('blocked');
  });

  it('is thrown for what would test nothing', () => {
    expect(told(() => given(nightly, { results: { fetsh: fails() } }).when())).toContain('did you mean fetch?');
    expect(told(() => run().thenTask('laod', {}))).toContain('did you mean load?');
    expect(told(() => given('name: w\ntasks: { a: { type: shel } }'))).toContain('tasks.a.type');
    expect(told(() => given(nightly, { params: { dai: 1 } }).when())).toContain('has no parameter dai');
    expect(told(() => given(nightly).when(until('TaskLost load')))).toContain('no such event came');
    expect(told(() => given(nightly).when(passes('soon')))).toContain('"soon" is no duration');
    expect(told(() => given(nightly).when(asks({ type: 'skipTask' } as never)))).toContain('task');
    const gate = 'name: w\ntasks: { go: { type: signal, name: go } }';
    expect(told(() => given(gate, { results: { go: succeeds() } }).when())).toContain('answer it with signal(...)');
  });

  it('does not hang a runner that awaits what a test returns', async () => {
    await (run().thenEnds('succeeded') as unknown as Promise<void>);
  });
});

it('gives a history for the replay', () => {
  const { run } = given(nightly, { masterDiesAfter: 4 }).when();
  const history = parseRunFile(run.file(), 'run.jsonl');
  expect(history).toEqual(run.history);
  expect(verifyHistory(history).divergence).toBeUndefined();
});

const outcomes = [fails({ times: 1 }), succeeds({ x: 1 }, { times: 1 }), isRefused(), losesWorker()];
/** Only a worker can refuse, or be lost. */
const choicesOf: Readonly<Record<string, number>> = { script: outcomes.length, workflow: 2 };

function scriptsFor({ tasks }: WorkflowDefinition, dice: readonly number[]) {
  return tasks.flatMap(({ name, settings }, index) => {
    const { type } = settings.type === 'map' ? settings.task.settings : settings;
    const count = choicesOf[type];
    if (count === undefined) return [];
    const seed = dice[index] ?? 0;
    return [[name, [seed, seed >> 3, seed >> 6].map((one) => outcomes[one % count] ?? succeeds())] as const];
  });
}

it('plays random workflows to an end, as this build decides, wherever their masters die', () => {
  const dice = fc.array(fc.nat(1_000), { minLength: 5, maxLength: 5 });
  let takeoverCount = 0;
  fc.assert(
    fc.property(languageArbitrary(5), dice, fc.nat(30), (definition, rolled, death) => {
      fc.pre(checkDefinition(definition).kind === 'ok');
      const { run } = given(definition, {
        results: Object.fromEntries(scriptsFor(definition, rolled)),
        masterDiesAfter: death,
        workers: { w: { groups: ['default'], slots: 2 } },
      }).when(signal('go'), signal('halt'), signal('go'), signal('halt'));
      expect(verifyHistory(run.history).divergence).toBeUndefined();
      takeoverCount += run.events.filter(({ type, data }) => type === 'OwnershipTaken' && data.epoch > 1).length;
      // What only a person can answer is left, of a task or of an item of a map.
      const names = new Set(run.events.flatMap(({ data }) => ('task' in data ? [String(data.task)] : [])));
      const isAsked = [...names].some((name) => ['awaiting', 'absent'].includes(run.task(name).status));
      if (!isAsked) expect(['succeeded', 'failed', 'stopped']).toContain(run.status);
    }),
    { numRuns: 60 },
  );
  expect(takeoverCount).toBeGreaterThan(10);
});
