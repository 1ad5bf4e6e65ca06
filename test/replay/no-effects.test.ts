/**
 * I7: a replay, a what-if, a verification and a question do nothing, over random runs, with a real journal and transport in
 * reach and every door of the process watched. Machines that write on purpose are found, so the watch is awake.
 */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { instanceStream } from '../../src/journal/codec.ts';
import { createMemoryStore } from '../../src/journal/memory-journal.adapter.ts';
import { verifyHistory } from '../../src/replay/divergence.ts';
import { inspectionMessages } from '../../src/replay/inspection.ts';
import { journalSource } from '../../src/replay/journal-source.ts';
import { momentView } from '../../src/replay/moment-view.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { RetroactiveQuestion } from '../../src/replay/retroactive-question.ts';
import { loadHistory, type RunHistory } from '../../src/replay/run-history.ts';
import { whatIf } from '../../src/replay/what-if.ts';
import { given } from '../../src/test-kit/test-kit.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { newEvent } from '../contract/contract-events.ts';
import { type Calls, callsOf, told } from '../kit/watched-world.ts';
import { type Choices, choicesOfRun, playedRun } from './random-history.ts';

const instance = '0193a4c2-1111-7aaa-8aaa-000000000000' as InstanceId;

/** A journal that holds the run, and a transport, both of which tell what is asked of them. */
async function worldWith([definition, choices]: Choices) {
  const calls: Calls = [];
  const journal = told(createMemoryStore({ clock: systemClock }).connect(), calls);
  const transport = told(createMemoryNetwork({ clock: systemClock }).connect('replay'), calls);
  const { history } = playedRun([definition, choices]);
  const events = history.events.map(({ type, data, metadata }) => ({ ...newEvent(data as object, type), metadata }));
  await journal.append(instanceStream(instance), 'none', events as never);
  calls.length = 0;
  const source = { ...journalSource(journal), definition: async () => definition };
  return { calls, journal, transport, history: await loadHistory(source, instance), written: events.length };
}

const build = (plan: Plan) => workflowInstanceActor(plan);

/** All that the library can be asked of one run. */
function everything(history: RunHistory, actorOf: (plan: Plan) => WorkflowInstanceActor): void {
  const run = new ReplayedRun(history, { actorOf });
  for (let revision = 0; revision <= run.lastRevision; revision += 7) momentView(run, revision);
  for (const _ of inspectionMessages(run));
  const definition = run.plan.definition;
  const tasks = definition.tasks.map((task) => ({ ...task, retry: { ...task.retry, attempts: 2 }, timeoutMs: 50 }));
  whatIf(history, { definition: { ...definition, tasks, failurePolicy: 'end' }, actorOf });
  whatIf(history, { workers: { 'worker-9': { groups: ['default'], slots: 1 }, 'worker-1': null }, actorOf });
  verifyHistory(history, { actorOf });
  new RetroactiveQuestion('task.attempt > 0').ask(history);
}

describe('a replay', () => {
  it('publishes 0 messages, appends 0 events, opens nothing and starts nothing, whatever the run', async () => {
    let eventCount = 0;
    await fc.assert(
      fc.asyncProperty(choicesOfRun, async (choices) => {
        const { calls, journal, history, written } = await worldWith(choices);
        eventCount += written;
        expect(callsOf(() => everything(history, build))).toEqual([]);
        // Loading the run reads it; nothing else is asked of journal or transport, also later.
        await new Promise((resolve) => setImmediate(resolve));
        expect(calls).toEqual(['read']);
        let kept = 0;
        for await (const _ of journal.read(instanceStream(instance))) kept += 1;
        expect(kept).toBe(written);
      }),
      { numRuns: 25 },
    );
    expect(eventCount).toBeGreaterThan(100);
  });

  it('is the same for what the test kit plays', () => {
    const workflow =
      'name: w\ntasks:\n  a: { type: shell, command: x, retry: 2 }\n  b: { type: shell, command: x, needs: a }';
    expect(callsOf(() => given(workflow, { masterDiesAfter: 3 }).when().thenEnds('succeeded'))).toEqual([]);
  });
});

/** Does something else at each decision. */
function writing(write: () => void): (plan: Plan) => WorkflowInstanceActor {
  return (plan) => {
    const actor = workflowInstanceActor(plan);
    const writer: WorkflowInstanceActor = {
      ...actor,
      at: () => writer,
      decide: (snapshot, command) => {
        write();
        return actor.decide(snapshot, command);
      },
    };
    return writer;
  };
}

describe('a machine that writes on purpose is found', () => {
  const choices: Choices = [
    planOf(
      given('name: w\ntasks: { a: { type: shell, command: x } }').when().run.history.definitions[0]
        ?.definition as never,
    ).definition,
    [],
  ];

  it('in the journal and the transport', async () => {
    const { calls, journal, transport, history } = await worldWith(choices);
    const write = () => {
      void journal.append(instanceStream(instance), 'any', [newEvent()]);
      transport.publish('millrace.v1.test', {});
    };
    everything(history, writing(write));
    expect(calls).toContain('append');
    expect(calls).toContain('publish');
  });

  it.each([
    ['a file', 'fs.writeFileSync', () => writeFileSync(join(tmpdir(), 'millrace-written'), '')],
    [
      'a connection',
      'net.Socket.connect',
      () =>
        connect(1, '127.0.0.1')
          .on('error', () => {})
          .destroy(),
    ],
    ['a timer', 'global.setTimeout', () => clearTimeout(setTimeout(() => {}, 1))],
    ['a request', 'global.fetch', () => void fetch('http://127.0.0.1:1/').catch(() => {})],
  ])('%s', async (_, door, write) => {
    const { history } = await worldWith(choices);
    expect(callsOf(() => everything(history, writing(write)))).toContain(door);
  });
});
