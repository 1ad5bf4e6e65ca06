/** Which commands are said to be possible, against what the run decides when they come. */
import { describe, expect, test } from 'vitest';
import { possibleCommands, possibleTaskCommands } from '../../actors/workflow-instance/capabilities.ts';
import { commandOf } from '../../actors/workflow-instance/client-command.ts';
import type { Digest, InstanceId, TaskName } from '../../schemas/ids.ts';
import { type CommandRequest, commandRequestSchema, commandTypes } from '../../schemas/messages/command.messages.ts';
import { runSamples, taskSamples } from '../docs/state-samples.ts';
import type { Given } from '../kit/given.ts';
import { definitionReference } from './run-events.ts';

const instance = '0193a4c2-0000-4000-8000-000000000001' as InstanceId;

const to = { ...definitionReference, version: 2, digest: '2'.repeat(64) as Digest };

/** As somebody would send it. */
const request = (body: object): CommandRequest => commandRequestSchema.parse({ instance, by: 'ann', ...body });

function changes({ actor, snapshot }: Given, body: object): boolean {
  const made = { key: 'never-before', now: 9_000_000_000_000 };
  const asked = request(body);
  const move = { type: 'MoveVersion', ...made, by: 'ann', to, definition: actor.plan.definition } as const;
  const decision = actor.decide(snapshot, asked.type === 'moveVersion' ? move : commandOf(asked, made));
  return decision.kind === 'events' && decision.events.length > 0;
}

const toRuns: object[] = [
  { type: 'stop' },
  { type: 'pause' },
  { type: 'resume' },
  { type: 'clearTasks', scope: 'failed' },
  { type: 'clearTasks', scope: 'all' },
  { type: 'changePriority', priority: 'low' },
  { type: 'sendSignal', name: 'go', payload: { any: 1 } },
  { type: 'moveVersion', version: 2 },
];

const toTasks: object[] = [
  { type: 'resolveLost', decision: 'fail' },
  { type: 'stopTask' },
  { type: 'skipTask' },
  { type: 'forceTask', outputs: { a: 1 } },
  { type: 'clearTasks', scope: 'tasks' },
  { type: 'isolateTask' },
  { type: 'rejoinTask' },
  { type: 'changePriority', priority: 'highest' },
  { type: 'approveTask', approved: false },
];

const ofTask = (body: object, task: string) => {
  const { type } = body as { type: string };
  return { ...body, ...(type === 'clearTasks' ? { tasks: [task] } : { task }) };
};
const withoutDetails = (body: object) => {
  const { type, scope, name } = body as { type: string; scope?: string; name?: string };
  return { type, ...(scope === undefined ? {} : { scope }), ...(name === undefined ? {} : { name }) };
};
const typeOf = (body: object) => (body as { type: string }).type;

describe('what a run would take', () => {
  for (const [status, run] of Object.entries(runSamples)) {
    test(`while it is ${status} is what it decides to do`, () => {
      const decided = toRuns.filter((body) => changes(run, body)).map(withoutDetails);
      expect(possibleCommands(run)).toEqual(decided);
    });
  }
});

describe('what a task would take', () => {
  const b = 'b' as TaskName;
  for (const [status, { run, task }] of Object.entries(taskSamples)) {
    test(`while it is ${status} is what its run decides to do`, () => {
      const decided = toTasks.filter((body) => changes(run, ofTask(body, task))).map(typeOf);
      expect(possibleTaskCommands(run, b)).toEqual(decided);
    });
  }

  test('of an ended run opens the run again', () => {
    expect(possibleTaskCommands(runSamples.failed, 'c' as TaskName)).toEqual(['skipTask', 'forceTask', 'clearTasks']);
    expect(possibleTaskCommands(runSamples.stopping, b)).toEqual([]);
  });
});

test('every command is possible somewhere', () => {
  const isolated = taskSamples.ready.run.and({
    type: 'IsolateTask',
    now: 1,
    key: 'isolate-1',
    by: 'ann',
    task: 'b' as TaskName,
  });
  const runs = [...Object.values(runSamples), ...Object.values(taskSamples).map(({ run }) => run), isolated];
  const found = runs.flatMap((run) => [
    ...possibleCommands(run).map(({ type }) => type),
    ...run.actor.plan.tasks.flatMap(({ definition }) => possibleTaskCommands(run, definition.name)),
  ]);
  expect(new Set(found)).toEqual(new Set(commandTypes));
});
