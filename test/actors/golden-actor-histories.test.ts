/** Recorded histories of actors that are no runs: released ones must fold to the recorded state for ever. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clusterOperationsActor } from '../../actors/cluster-operations/cluster-operations.actor.ts';
import { checkOwnedHistory, type OwnedKind } from '../../actors/invariants/check-owned-history.ts';
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import type { OwnedActor } from '../../actors/kit/owned-actor.ts';
import { taskGroupActor } from '../../actors/task-group/task-group.actor.ts';
import { workflowQueueActor } from '../../actors/workflow-queue/workflow-queue.actor.ts';
import { clusterOperationsEvents } from '../../schemas/events/cluster-operations.events.ts';
import { eventSchemaOf, isEventType } from '../../schemas/events/registry.ts';
import { taskGroupEvents } from '../../schemas/events/task-group.events.ts';
import { workflowQueueEvents } from '../../schemas/events/workflow-queue.events.ts';

const folder = new URL('../actor-histories', import.meta.url).pathname;
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.jsonl'))
  .toSorted();

const eventsOf = (file: string): HistoryEvent[] =>
  readFileSync(`${folder}/${file}`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as HistoryEvent);

/** The name of a file begins with the kind of its actor. */
const kindOf = (file: string): OwnedKind => file.replace(/^.*\//, '').split('.')[0] as OwnedKind;

function fold<S extends { value: string }, E, C, F>(actor: OwnedActor<S, E, C, F>, events: readonly HistoryEvent[]) {
  return actor.store(
    events.reduce((snapshot, { type, data }) => {
      if (!isEventType(type)) throw new Error(`${type} is not an event`);
      return actor.fold(snapshot, { type, data: eventSchemaOf(type).parse(data) } as E).snapshot;
    }, actor.initial()),
  );
}

function stateOf(file: string): object {
  switch (kindOf(file)) {
    case 'taskGroup':
      return fold(taskGroupActor, eventsOf(file));
    case 'workflowQueue':
      return fold(workflowQueueActor, eventsOf(file));
    case 'clusterOperations':
      return fold(clusterOperationsActor, eventsOf(file));
  }
}

describe.each(files)('the history %s', (file) => {
  it('leads to the state that was recorded with it', () => {
    const recorded = readFileSync(`${folder}/${file}`.replace(/\.jsonl$/, '.snapshot.json'), 'utf8');
    expect(stateOf(file)).toEqual(JSON.parse(recorded));
  });

  it('breaks no invariant', () => {
    expect(checkOwnedHistory(kindOf(file), eventsOf(file)).violations).toEqual([]);
  });
});

it('the histories hold every event of these actors', () => {
  const found = new Set(files.flatMap((file) => eventsOf(file).map(({ type }) => type)));
  const catalogue = { ...taskGroupEvents, ...workflowQueueEvents, ...clusterOperationsEvents };
  expect([...found].sort()).toEqual(Object.keys(catalogue).sort());
});
