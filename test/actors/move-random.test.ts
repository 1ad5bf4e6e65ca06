/** A run that was moved ends as a run of the new version would that had the same results from the beginning. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { entries } from '../../actors/kit/persistent-vector.ts';
import { settle } from '../../actors/kit/settle.ts';
import { beginsAtOwner } from '../../actors/workflow-instance/begin.decide.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import type { WorkflowInstanceEffect } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskDefinition, WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Digest, TaskName } from '../../schemas/ids.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import { assign, attemptIdOf, conclude, definitionReference, nameOf, now, report, submitOwned } from './run-events.ts';

/** How a task ends whenever it runs: a share of them fails. */
type Results = (task: string) => 'succeeded' | 'failed';

/** Plays what may happen, one attempt at a time, in an order of its own. */
class Player {
  readonly actor;
  snapshot: WorkflowInstanceSnapshot;
  readonly #ready = new Set<TaskName>();
  #attemptCount = 0;
  readonly #results: Results;

  constructor(definition: WorkflowDefinition, results: Results) {
    this.actor = workflowInstanceActor(planOf(definition));
    this.snapshot = this.actor.initial();
    this.#results = results;
    this.tell(submitOwned);
  }

  get isFinished(): boolean {
    return this.actor.isFinished(this.snapshot);
  }

  /** False when the command was refused: then nothing has changed. */
  tell(command: WorkflowInstanceCommand): boolean {
    const settled = settle(this.actor, this.snapshot, command, answer);
    if (settled.kind === 'rejected') return false;
    this.snapshot = settled.snapshot;
    for (const { type, ...effect } of settled.effects) {
      if (type === 'placeTask' && 'task' in effect) this.#ready.add(effect.task);
      if (type === 'withdrawTask' && 'task' in effect) this.#ready.delete(effect.task);
    }
    return true;
  }

  /** Lets one task run; false when none may. */
  step(choice: number): boolean {
    const task = [...this.#ready][choice % Math.max(1, this.#ready.size)];
    if (task === undefined) return false;
    this.#ready.delete(task);
    this.#attemptCount += 1;
    const count = this.#attemptCount;
    const { plan } = this.actor.at(this.snapshot);
    const planned = plan.tasks[plan.indexOf(task) ?? -1];
    if (planned === undefined) throw new Error(`${task} is to be placed, and the plan does not have it`);
    if (beginsAtOwner(planned, this.snapshot.context)) {
      this.tell({ type: 'StartTask', now, task, attemptId: attemptIdOf(count) });
      return true;
    }
    this.tell(assign(task, count));
    this.tell(report(this.#results(task), task, count));
    return true;
  }

  playOut(): void {
    while (this.step(0));
    expect(this.isFinished, `nothing may happen in a run that is ${this.snapshot.value}`).toBe(true);
  }

  ends(): Record<string, string> {
    const tasks = [...entries(this.snapshot.context.tasks)].map(([, { status, context }]) => [context.task, status]);
    return { run: this.snapshot.value, ...Object.fromEntries(tasks) };
  }
}

function answer({ type }: WorkflowInstanceEffect): WorkflowInstanceCommand | undefined {
  if (type === 'concludeWorkflow') return conclude;
  return type === 'concludePause' ? { type: 'ConcludePause', now } : undefined;
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const sizes = { minLength: 2, maxLength: names.length };
/** Of one task: which earlier ones it needs, and what it is. */
const shape = fc.record({ needs: fc.nat(255), kind: fc.nat(9), variant: fc.nat(3) });
const shapes = fc.array(shape, sizes);

/** Edges go from earlier names to later ones, whatever the version: there is no circle. */
function versionOf(of: readonly { needs: number; kind: number; variant: number }[]): WorkflowDefinition {
  const tasks = of.map(({ needs, kind, variant }, index): TaskDefinition => {
    const needed = names.slice(0, index).filter((_, earlier) => (needs >> earlier) % 2 === 1);
    const task = { ...taskOf(names[index] ?? '', needed), env: variant === 0 ? { VARIANT: 'other' } : {} };
    const looked = needed[0];
    if (kind === 0 && looked !== undefined) {
      const when = { task: nameOf(looked), is: 'failed' as const };
      return { ...task, settings: { type: 'conditions', when, next: [], otherwise: [] } };
    }
    return kind === 1 ? { ...task, enabled: false } : task;
  });
  return workflowOf(tasks);
}

const to = { ...definitionReference, version: 2, digest: '2'.repeat(64) as Digest };
const asked = { now, by: 'ann' } as const;

describe('random runs that are moved', () => {
  it('end as a fresh run of the new version with the same results', () => {
    let movedCount = 0;
    let refusedCount = 0;
    const changes = fc.array(fc.record({ at: fc.nat(7), to: shape }), { maxLength: 3 });
    const property = fc.property(
      shapes,
      changes,
      fc.nat(7),
      fc.array(fc.nat(20)),
      fc.nat(255),
      (of, changed, length, choices, bad) => {
        const results: Results = (task) =>
          (bad >> names.indexOf(task)) % 2 === 1 && task > 'b' ? 'failed' : 'succeeded';
        const other = of.map((one, index) => changed.find(({ at }) => at === index)?.to ?? one);
        const next = versionOf(
          [...other.slice(0, Math.max(1, other.length - (length % 3))), ...changed.map(({ to: one }) => one)].slice(
            0,
            8,
          ),
        );
        const run = new Player(versionOf(of), results);
        for (const choice of choices) run.step(choice);
        run.tell({ type: 'RequestPause', ...asked, key: 'pause' });
        const before = JSON.stringify(run.actor.store(run.snapshot));
        if (!run.tell({ type: 'MoveVersion', ...asked, key: 'move', to, definition: next })) {
          refusedCount += 1;
          expect(JSON.stringify(run.actor.store(run.snapshot))).toBe(before);
          return;
        }
        movedCount += 1;
        if (!run.isFinished) run.tell({ type: 'RequestResume', ...asked, key: 'resume' });
        run.playOut();
        const fresh = new Player(next, results);
        fresh.playOut();
        expect(run.ends()).toEqual(fresh.ends());
      },
    );
    fc.assert(property, { numRuns: 400 });
    expect(movedCount).toBeGreaterThan(40);
    expect(refusedCount).toBeGreaterThan(40);
  });
});
