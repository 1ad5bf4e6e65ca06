/** What becomes of each command of a person in each state: tried on a run that is there. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { Digest } from '../../schemas/ids.ts';
import { definitionReference, nameOf, now } from '../actors/run-events.ts';
import { taskOf, workflowOf } from '../kit/definitions.ts';
import type { Given } from '../kit/given.ts';

type Row = { title: string; command: WorkflowInstanceCommand };
type Place = { state: string; run: Given };
export type CommandTable = { titles: string[]; rows: string[][]; refusals: string[] };

const asked = { now, key: 'asked-1', by: 'ann' } as const;
const task = nameOf('b');

/** It has one more task, and is the same besides. */
const nextVersion = { ...definitionReference, version: 2, digest: '2'.repeat(64) as Digest };
const next: WorkflowDefinition = {
  ...workflowOf([
    taskOf('a'),
    { ...taskOf('b'), settings: { type: 'signal', name: nameOf('go') } },
    taskOf('c'),
    taskOf('d'),
  ]),
  concurrency: { policy: 'wait' },
};

/** Commands to a run as a whole. */
export const runCommands: readonly Row[] = [
  { title: 'pause', command: { type: 'RequestPause', ...asked } },
  { title: 'resume', command: { type: 'RequestResume', ...asked } },
  { title: 'stop', command: { type: 'RequestStop', ...asked } },
  { title: 'run failed tasks again', command: { type: 'ClearTasks', ...asked, scope: 'failed' } },
  { title: 'run everything again', command: { type: 'ClearTasks', ...asked, scope: 'all' } },
  { title: 'change the priority', command: { type: 'ChangePriority', ...asked, priority: 'high' } },
  { title: 'move to another version', command: { type: 'MoveVersion', ...asked, to: nextVersion, definition: next } },
  { title: 'send a signal', command: { type: 'SendSignal', ...asked, name: 'go', payload: 1 } },
];

/** Commands to one task of an active run. */
export const taskCommands: readonly Row[] = [
  { title: 'stop the task', command: { type: 'StopTask', ...asked, task } },
  { title: 'skip', command: { type: 'SkipTask', ...asked, task } },
  { title: 'declare its success', command: { type: 'ForceTask', ...asked, task, outputs: {} } },
  { title: 'run it again', command: { type: 'ClearTasks', ...asked, scope: 'tasks', tasks: [task] } },
  {
    title: 'run it and what needs it again',
    command: { type: 'ClearTasks', ...asked, scope: 'descendants', tasks: [task] },
  },
  { title: 'isolate', command: { type: 'IsolateTask', ...asked, task } },
  { title: 'rejoin', command: { type: 'RejoinTask', ...asked, task } },
  { title: 'change its priority', command: { type: 'ChangePriority', ...asked, task, priority: 'high' } },
  { title: 'approve', command: { type: 'ApproveTask', ...asked, task, approved: true } },
  { title: 'decline', command: { type: 'ApproveTask', ...asked, task, approved: false } },
  { title: 'resolve a loss: retry', command: { type: 'ResolveLost', ...asked, task, decision: 'retry' } },
  { title: 'resolve a loss: fail', command: { type: 'ResolveLost', ...asked, task, decision: 'fail' } },
];

/** A cell has the events, `done` where there is nothing to do, or the number of the refusal. */
export function commandTable(rows: readonly Row[], places: readonly Place[]): CommandTable {
  const refusals: string[] = [];
  const cellOf = ({ state, run }: Place, command: WorkflowInstanceCommand): string => {
    const decision = run.actor.decide(run.snapshot, command);
    if (decision.kind === 'events') {
      if (decision.events.length === 0) return 'done';
      return decision.events.map(({ type }) => `\`${type}\``).join('<br>');
    }
    const { code, message } = decision.rejection;
    const refusal = `\`${code}\`: ${withoutState(message, state)}`;
    if (!refusals.includes(refusal)) refusals.push(refusal);
    return `✗ ${refusals.indexOf(refusal) + 1}`;
  };
  return {
    titles: ['Command', ...places.map(({ state }) => state)],
    rows: rows.map(({ title, command }) => [title, ...places.map((place) => cellOf(place, command))]),
    refusals,
  };
}

/** Refusals in several states differ in the name of the state only. */
function withoutState(message: string, state: string): string {
  return message.replace(` ${state}`, ' …');
}
