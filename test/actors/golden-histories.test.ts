import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { awaitedAttempts, awaitsPerson } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import { workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import { eventOf, foldHistory, historiesFolder, readHistory } from '../kit/histories.ts';

const files = readdirSync(historiesFolder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.jsonl'))
  .toSorted();

describe.each(files)('the history %s', (file) => {
  const history = readHistory(`${historiesFolder}/${file}`);
  const { definition, recorded } = history;

  it('leads to the snapshot that was recorded with it', () => {
    const snapshot = readFileSync(`${historiesFolder}/${file}`.replace(/\.jsonl$/, '.snapshot.json'), 'utf8');
    expect(foldHistory(history)).toEqual(JSON.parse(snapshot));
  });

  it('can be gone on with from a stored snapshot after every event (I5, I6)', () => {
    const actor = workflowInstanceActor(planOf(definition));
    let live = actor.initial();
    for (const event of recorded) {
      const restored = actor.restore(JSON.parse(JSON.stringify(actor.store(live))));
      live = actor.fold(live, eventOf(event)).snapshot;
      const next = actor.fold(restored, eventOf(event)).snapshot;
      expect(JSON.stringify(actor.store(next))).toBe(JSON.stringify(actor.store(live)));
      const isOwed = actor.pendingEffects(live).length > 0 || awaitedAttempts(live).length > 0 || awaitsPerson(live);
      expect(actor.isFinished(live) || isOwed, `stalled after revision ${event.revision}`).toBe(true);
    }
    expect(actor.isFinished(live)).toBe(true);
  });

  it('breaks no invariant', () => {
    expect(checkHistory(planOf(definition), recorded).violations).toEqual([]);
  });
});

it('the histories hold every event of a run', () => {
  const types = files.flatMap((file) => readHistory(`${historiesFolder}/${file}`).recorded.map(({ type }) => type));
  expect(new Set(types)).toEqual(new Set(Object.keys(workflowInstanceEvents)));
});
