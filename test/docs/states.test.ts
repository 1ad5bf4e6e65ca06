import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../actors/graph/plan.ts';
import { canTaskTake, foldTask } from '../../actors/task-instance/task-instance.fold.ts';
import { type TaskMachineEvent, taskStatuses } from '../../actors/task-instance/task-instance.state.ts';
import { workflowInstanceActor } from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { workflowInstanceStatuses } from '../../actors/workflow-instance/workflow-instance.state.ts';
import { workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import { choicesArbitrary, RandomRun } from '../actors/random-run.ts';
import { taskEvent } from '../actors/run-events.ts';
import { languageArbitrary } from '../kit/language-definitions.ts';
import { commandTable, runCommands, taskCommands } from './command-table.ts';
import type { legalEvents } from './machine-table.ts';
import { root } from './markdown.ts';
import { runSamples, taskSamples } from './state-samples.ts';
import { legalRunEvents, legalTaskEvents, statePictures, statesPage } from './states-page.ts';

describe('the samples that commands are tried on', () => {
  it.each(taskStatuses)('have a task that is %s', (status) => {
    const { run, task } = taskSamples[status];
    expect(run.task(task).status).toBe(status);
    expect(run.snapshot.value).toBe('active');
  });

  it.each(workflowInstanceStatuses)('have a run that is %s', (status) => {
    expect(runSamples[status].snapshot.value).toBe(status);
  });
});

const taskEventTypes = Object.keys(workflowInstanceEvents).filter((type): type is TaskEventType =>
  type.startsWith('Task'),
);
type TaskEventType = Parameters<typeof taskEvent>[0];

function targetsOf(legal: ReturnType<typeof legalEvents>): Map<string, readonly string[]> {
  return new Map(legal.map(({ state, event, targets }) => [`${state} ${event}`, targets]));
}

describe('the tables of events', () => {
  const tasks = targetsOf(legalTaskEvents());
  const runs = targetsOf(legalRunEvents());

  it('tell where each event leads in random runs', () => {
    fc.assert(
      fc.property(languageArbitrary(), choicesArbitrary, (definition, choices) => {
        const run = new RandomRun(workflowInstanceActor(planOf(definition)));
        run.play(choices);
        let before = run.actor.initial();
        for (const { event, after } of run.recorded) {
          expect(runs.get(`${before.value} ${event.type}`), `${before.value} ${event.type}`).toContain(after.value);
          before = after;
        }
      }),
      { numRuns: 100 },
    );
  });

  it('tell where each event leads that a task takes', () => {
    for (const [status, { run, task }] of Object.entries(taskSamples)) {
      const before = run.task(task);
      for (const type of taskEventTypes) {
        const attempt = before.context.current === null && before.context.awaiting === null ? 9 : 2;
        const event = taskEvent(type, task, attempt) as TaskMachineEvent;
        if (!canTaskTake(before, event)) continue;
        const { state } = foldTask(before, event);
        expect(tasks.get(`${status} ${type}`), `${status} ${type}`).toContain(state.status);
      }
    }
  });
});

describe('the tables of commands', () => {
  it('have a cell for each command and state', () => {
    const tasks = Object.entries(taskSamples).map(([state, { run }]) => ({ state, run }));
    const runs = Object.entries(runSamples).map(([state, run]) => ({ state, run }));
    const cells = [commandTable(taskCommands, tasks), commandTable(runCommands, runs)].flatMap(({ rows }) =>
      rows.flat(),
    );
    expect(cells).toHaveLength(
      taskCommands.length * (taskStatuses.length + 1) + runCommands.length * (workflowInstanceStatuses.length + 1),
    );
    expect(cells.every((cell) => cell !== '')).toBe(true);
  });

  it('have only events that the machine takes', () => {
    const places = [
      ...Object.values(taskSamples).flatMap(({ run }) => taskCommands.map(({ command }) => ({ run, command }))),
      ...Object.values(runSamples).flatMap((run) => runCommands.map(({ command }) => ({ run, command }))),
    ];
    for (const { run, command } of places) {
      const decision = run.actor.decide(run.snapshot, command);
      if (decision.kind === 'events') expect(() => run.and(...decision.events)).not.toThrow();
    }
  });
});

describe('the page of states', () => {
  it.each([{ file: 'docs/states.md', text: statesPage() }, ...statePictures()])(
    '$file is the one that the machines make',
    async ({ file, text }) => {
      const path = join(root, file);
      if (process.env.MILLRACE_UPDATE === '1') await writeFile(path, text);
      const remedy = `${file} is older than the machines. Write it anew with: MILLRACE_UPDATE=1 npx vitest run --config .ci/vitest.config.ts test/docs`;
      expect(await readFile(path, 'utf8').catch(() => ''), remedy).toBe(text);
    },
  );
});
