/** A history as XState's inspectors get it: read back, it is the sequence of the fold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createActor, createMachine, type InspectionEvent } from 'xstate';
import { allTasks } from '../../actors/workflow-instance/task-lookup.ts';
import { type InspectionMessage, inspectionMessages } from '../../src/replay/inspection.ts';
import { inspectionPage } from '../../src/replay/inspection-page.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { certifiedDefinition, certifiedHistory, certifiedId } from '../kit/certified-runs.ts';
import { choicesOfRun, playedRun } from './random-history.ts';

const taken = new ReplayedRun({
  instance: certifiedId('key-1'),
  definitions: [{ version: 1, definition: certifiedDefinition }],
  events: certifiedHistory('key-1'),
});

/** What an inspector knows after each message of the run: the last snapshot of each actor. */
function* readBack(messages: Iterable<InspectionMessage>) {
  const actors = new Map<string, { name: string; value: string }>();
  for (const message of messages) {
    const { sessionId, type } = message;
    const known = actors.get(sessionId);
    if (type === '@xstate.actor') {
      expect(known, `${sessionId} is told once`).toBeUndefined();
      actors.set(sessionId, { name: message.name, value: message.snapshot.value });
    } else {
      expect(known, `${sessionId} was told`).toBeDefined();
      if (type === '@xstate.snapshot')
        actors.set(sessionId, { name: known?.name ?? '', value: message.snapshot.value });
    }
    yield { message, actors };
  }
}

function compareWithFold(run: ReplayedRun): void {
  const rootId = run.history.instance ?? run.plan.definition.name;
  let revision = -1;
  let last: InspectionMessage | undefined;
  const check = (actors: ReadonlyMap<string, { value: string }>): void => {
    const { snapshot } = run.at(revision);
    expect(actors.get(rootId)?.value).toBe(snapshot.value);
    for (const { status, context } of allTasks(snapshot.context)) {
      expect(actors.get(`${rootId}/${context.task}`)?.value, `${context.task} at ${revision}`).toBe(status);
    }
  };
  let known: ReadonlyMap<string, { value: string }> = new Map();
  for (const { message, actors } of readBack(inspectionMessages(run))) {
    if (message.type === '@xstate.event' && message.sessionId === rootId) {
      check(known);
      revision += 1;
      expect(message.event).toEqual({ type: run.event(revision).type, ...run.event(revision).data });
      expect(Number(message.createdAt)).toBe(run.timeOf(revision));
    }
    known = actors;
    last = message;
  }
  expect(revision).toBe(run.lastRevision);
  check(known);
  expect(last?.rootId).toBe(rootId);
}

describe('a history as inspection events', () => {
  it('tells the run, its tasks and its items, state by state as the fold has them', () => {
    compareWithFold(taken);
    fc.assert(
      fc.property(choicesOfRun, (choices) => compareWithFold(new ReplayedRun(playedRun(choices).history))),
      { numRuns: 40 },
    );
  });

  it('ends where it is told to', () => {
    const events = [...inspectionMessages(taken, 4)].filter(({ type }) => type === '@xstate.event');
    expect(events.filter(({ sessionId }) => sessionId === certifiedId('key-1'))).toHaveLength(5);
  });

  it('has the types, and definitions that XState takes, of the version that is installed', () => {
    const told = new Set<string>();
    const actor = createActor(createMachine({ initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } }), {
      inspect: ({ type }: InspectionEvent) => void told.add(type),
    });
    actor.start();
    actor.send({ type: 'go' });
    const messages = [...inspectionMessages(taken)];
    for (const { type } of messages) expect([...told]).toContain(type);
    for (const message of messages) {
      if (message.type !== '@xstate.actor') continue;
      const machine = createMachine(JSON.parse(message.definition) as object);
      expect(Object.keys(machine.states)).toContain(message.snapshot.value);
    }
  });

  it('is a page that loads the inspector and holds every message', () => {
    const messages = [...inspectionMessages(taken)];
    const page = inspectionPage('<run>', messages);
    expect(page).toContain('<title>&lt;run&gt;</title>');
    const [, embedded = ''] = /<script id="messages" type="application\/json">(.*?)<\/script>/.exec(page) ?? [];
    expect(JSON.parse(embedded)).toEqual(JSON.parse(JSON.stringify(messages)));
  });
});
