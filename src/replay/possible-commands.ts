/** What people could have asked of the run at one moment: each command is put to the machine, and its answer is kept. */
import { entries } from '../../actors/kit/persistent-vector.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { TaskName } from '../../schemas/ids.ts';
import type { Moment } from './replayed-run.ts';

export type PossibleCommand = {
  command: WorkflowInstanceCommand['type'];
  /** Undefined for commands to the run as a whole. */
  task: string | undefined;
  /** In words: `run it again`. */
  title: string;
  answer:
    | { kind: 'possible'; events: string[] }
    /** Nothing is left to do for it. */
    | { kind: 'done' }
    | { kind: 'refused'; code: string; message: string };
};

type Trial = { title: string; command: WorkflowInstanceCommand };

/** A key that no command ever had. */
const asked = { now: 0, key: 'replay: is it possible?', by: 'replay' } as const;

export function commandsOfRun(moment: Moment): PossibleCommand[] {
  const { plan } = moment.actor;
  const signals = plan.tasks.flatMap(({ definition: { settings } }) =>
    settings.type === 'signal' ? [settings.name] : [],
  );
  const trials: Trial[] = [
    { title: 'pause', command: { type: 'RequestPause', ...asked } },
    { title: 'resume', command: { type: 'RequestResume', ...asked } },
    { title: 'stop', command: { type: 'RequestStop', ...asked } },
    { title: 'run failed tasks again', command: { type: 'ClearTasks', ...asked, scope: 'failed' } },
    { title: 'run everything again', command: { type: 'ClearTasks', ...asked, scope: 'all' } },
    { title: 'change the priority', command: { type: 'ChangePriority', ...asked, priority: 'high' } },
    ...[...new Set(signals)].map(
      (name): Trial => ({
        title: `send the signal ${name}`,
        command: { type: 'SendSignal', ...asked, name, payload: null },
      }),
    ),
  ];
  return trials.map((trial) => tried(moment, trial, undefined));
}

export function commandsOfTask(moment: Moment, task: TaskName): PossibleCommand[] {
  const trials: Trial[] = [
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
  return trials.map((trial) => tried(moment, trial, task));
}

/** Everything that was possible, for the run and for each of its tasks. */
export function allPossibleCommands(moment: Moment): PossibleCommand[] {
  const ofTasks = [...entries(moment.snapshot.context.tasks)].flatMap(([, { context }]) =>
    commandsOfTask(moment, context.task),
  );
  return [...commandsOfRun(moment), ...ofTasks].filter(({ answer }) => answer.kind === 'possible');
}

function tried({ actor, snapshot }: Moment, { title, command }: Trial, task: TaskName | undefined): PossibleCommand {
  const decision = actor.decide(snapshot, command);
  const about = { command: command.type, task, title };
  if (decision.kind === 'rejected') return { ...about, answer: { kind: 'refused', ...decision.rejection } };
  if (decision.events.length === 0) return { ...about, answer: { kind: 'done' } };
  return { ...about, answer: { kind: 'possible', events: decision.events.map(({ type }) => type) } };
}
