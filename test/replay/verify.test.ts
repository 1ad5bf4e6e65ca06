import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { TaskName } from '../../schemas/ids.ts';
import { verifyHistory } from '../../src/replay/divergence.ts';
import { FleetVerification } from '../../src/replay/fleet-verification.ts';
import { OwedEffects } from '../../src/replay/owed-effects.ts';
import { parseRunFile } from '../../src/replay/run-file.ts';
import type { RunHistory } from '../../src/replay/run-history.ts';
import { historiesFolder } from '../kit/histories.ts';
import { runFilesOf } from '../sim/sim-run-files.ts';
import { simulate } from '../sim/simulate.ts';
import { choicesOfRun, playedRun } from './random-history.ts';

type Named = { name: string; history: RunHistory };

const goldens: Named[] = readdirSync(historiesFolder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.jsonl'))
  .map((name) => ({ name, history: parseRunFile(readFileSync(join(historiesFolder, name), 'utf8'), name) }));

function golden(name: string): RunHistory {
  const found = goldens.find((one) => one.name === `0.1/${name}.jsonl`);
  if (found === undefined) throw new Error(`there is no history ${name}`);
  return found.history;
}

function verified(histories: readonly Named[], actorOf?: (plan: Plan) => WorkflowInstanceActor) {
  const fleet = new FleetVerification(actorOf === undefined ? {} : { actorOf });
  for (const { name, history } of histories) fleet.add(name, history);
  return fleet.result(1_000);
}

describe('this build', () => {
  it('writes the golden histories again, decision by decision', () => {
    const result = verified(goldens);
    expect(result).toMatchObject({ holds: true, classes: [], divergedCount: 0, runCount: goldens.length });
    expect(result.redecidedCount).toBeGreaterThan(result.eventCount * 0.9);
  });

  it('writes random histories again', () => {
    fc.assert(
      fc.property(choicesOfRun, (choices) => {
        const { history } = playedRun(choices);
        expect(verifyHistory(history).divergence).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('writes again what whole clusters wrote under faults', async () => {
    const files: Named[] = [];
    for (const seed of [11, 12, 13]) {
      for (const { instance, text } of await runFilesOf(await simulate({ seed, isRecording: true }))) {
        files.push({ name: instance, history: parseRunFile(text, instance) });
      }
    }
    const result = verified(files);
    expect(result.classes).toEqual([]);
    expect(result.holds).toBe(true);
    expect(result.redecidedCount).toBeGreaterThan(result.eventCount * 0.9);
  });
});

/** Tries a failed task once more than its policy says. */
const triesOnceMore = (plan: Plan) =>
  workflowInstanceActor(
    changed(plan, ({ retry, ...task }) => ({ ...task, retry: { ...retry, attempts: retry.attempts + 1 } })),
  );

/** A run with failed tasks has succeeded. */
function endsWell(plan: Plan): WorkflowInstanceActor {
  const actor = workflowInstanceActor(plan);
  return {
    ...actor,
    decide: (snapshot, command) => {
      const decision = actor.decide(snapshot, command);
      if (command.type !== 'ConcludeWorkflow' || decision.kind === 'rejected') return decision;
      return { kind: 'events', events: [{ type: 'WorkflowSucceeded', data: { finishedAt: command.now } }] };
    },
  };
}

/** A task whose worker was lost does not run again. */
function givesUp(plan: Plan): WorkflowInstanceActor {
  const actor = workflowInstanceActor(plan);
  return {
    ...actor,
    fold: (snapshot, event) =>
      actor.fold(snapshot, event.type === 'TaskLost' ? { ...event, data: { ...event.data, givenUp: true } } : event),
  };
}

function changed(
  plan: Plan,
  change: (task: WorkflowDefinition['tasks'][number]) => WorkflowDefinition['tasks'][number],
): Plan {
  return planOf({ ...plan.definition, tasks: plan.definition.tasks.map(change) });
}

describe('a changed machine is found, with run, revision and cause', () => {
  it('that tries once more', () => {
    const { holds, classes } = verified(goldens, triesOnceMore);
    expect(holds).toBe(false);
    expect(classes[0]).toMatchObject({ signature: 'TaskFailed: other retry', kind: 'decidesOtherwise' });
    expect(classes[0]?.smallest.message).toMatch(/^asked for RecordReport: it decides TaskFailed with retry \{/);
    const alike = goldens.filter(({ history }) => {
      return verifyHistory(history, { actorOf: triesOnceMore }).divergence?.signature === classes[0]?.signature;
    });
    expect(classes[0]?.runCount).toBe(alike.length);
    expect(classes[0]?.smallest.eventCount).toBe(Math.min(...alike.map(({ history }) => history.events.length)));
  });

  it('that lets failed runs succeed', () => {
    const { classes } = verified(goldens, endsWell);
    expect(classes.map(({ signature }) => signature)).toContain('WorkflowFailed: decides WorkflowSucceeded');
    expect(verifyHistory(golden('failure-continue'), { actorOf: endsWell }).divergence).toEqual({
      kind: 'decidesOtherwise',
      revision: 12,
      signature: 'WorkflowFailed: decides WorkflowSucceeded',
      message: 'asked for ConcludeWorkflow: it decides WorkflowSucceeded, recorded is WorkflowFailed',
    });
  });

  it('that gives up what was lost', () => {
    const { divergence } = verifyHistory(golden('worker-lost'), { actorOf: givesUp });
    expect(divergence).toMatchObject({ kind: 'decidesOtherwise' });
    expect(divergence?.signature).toMatch(/^TaskAssigned: refuses with COMMAND_NOT_ALLOWED$/);
  });
});

/** The machine forgets some of what it owes. */
const forgetful =
  (isForgotten: (effect: WorkflowInstanceEffect) => boolean) =>
  (plan: Plan): WorkflowInstanceActor => {
    const actor = workflowInstanceActor(plan);
    const kept = (effects: WorkflowInstanceEffect[]) => effects.filter((effect) => !isForgotten(effect));
    return {
      ...actor,
      pendingEffects: (snapshot) => kept(actor.pendingEffects(snapshot)),
      fold: (snapshot, event) => {
        const folded = actor.fold(snapshot, event);
        return { ...folded, effects: kept(folded.effects) };
      },
    };
  };

describe('a machine that owes other effects, and decides the same, is found', () => {
  it.each([
    [
      'no timer for a retry',
      'TaskRetryDue',
      ({ type, ...rest }: WorkflowInstanceEffect) =>
        type === 'armTimer' && 'timerId' in rest && rest.timerId.startsWith('retry'),
    ],
    [
      'no timer for a timeout',
      'TaskTimedOut',
      ({ type, ...rest }: WorkflowInstanceEffect) =>
        type === 'armTimer' && 'timerId' in rest && rest.timerId.startsWith('timeout'),
    ],
    ['no cancellation', 'TaskStopped', ({ type }: WorkflowInstanceEffect) => type === 'cancelAttempt'],
    ['no placement', 'TaskAssigned', ({ type }: WorkflowInstanceEffect) => type === 'placeTask'],
    ['no end of a run', 'WorkflowFailed', ({ type }: WorkflowInstanceEffect) => type === 'concludeWorkflow'],
  ])('%s', (_, type, isForgotten) => {
    const { classes } = verified(goldens, forgetful(isForgotten));
    expect(classes.map(({ signature }) => signature)).toContain(`${type}: owed otherwise`);
  });

  it('a timer that never fires though its owner goes on', () => {
    const owed = new OwedEffects();
    owed.note([{ type: 'armTimer', timerId: 'retry.a.1', task: 'a' as TaskName, dueAt: 1_000 }]);
    expect(owed.overdue(60_000)).toBeUndefined();
    expect(owed.overdue(62_000)).toBe('the timer retry.a.1 is due since 61000 ms and has not fired');
    owed.note([{ type: 'disarmTimer', timerId: 'retry.a.1', task: 'a' as TaskName }]);
    expect(owed.overdue(62_000)).toBeUndefined();
  });
});

describe('a changed history is found', () => {
  const history = golden('success-chain');
  const withEvent = (revision: number, change: object): RunHistory => ({
    ...history,
    events: history.events.map((event) => (event.revision === revision ? { ...event, ...change } : event)),
  });

  it.each([
    ['an event of another build', withEvent(3, { type: 'TaskMelted' }), 'unreadable TaskMelted'],
    ['an event that is gone', { ...history, events: history.events.filter(({ revision }) => revision !== 2) }, /./],
    [
      'a stale epoch',
      withEvent(5, { metadata: { ...(history.events[5]?.metadata as object), epoch: 7 } }),
      'breaks I1',
    ],
    ['a run that stands still', { ...history, events: history.events.slice(0, -1) }, undefined],
  ])('%s', (_, wrong, signature) => {
    const { divergence } = verifyHistory(wrong);
    if (signature === undefined) expect(divergence).toBeUndefined();
    else expect(divergence?.signature).toMatch(signature);
  });
});
