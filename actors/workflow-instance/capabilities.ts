/**
 * Which commands a run would take now. There is no table of states here: each command is decided on the state as if it had
 * come, and is possible if it would change something.
 */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { DefinitionReference } from '../../schemas/definition/workflow.definition.ts';
import type { Digest, TaskName } from '../../schemas/ids.ts';
import type {
  CommandBody,
  CommandBodyOf,
  CommandType,
  PossibleCommand,
} from '../../schemas/messages/command.messages.ts';
import type { Plan } from '../graph/plan.ts';
import { commandOf, type StatedCommand } from './client-command.ts';
import type { WorkflowInstanceActor } from './workflow-instance.actor.ts';
import type { WorkflowInstanceSnapshot } from './workflow-instance.machine.ts';

type Run = { actor: Pick<WorkflowInstanceActor, 'plan' | 'decide'>; snapshot: WorkflowInstanceSnapshot };

/** How each command is tried: on the run, and on one of its tasks. */
type Trials = {
  [T in CommandType]: { ofRun?: (plan: Plan) => CommandBodyOf<T>[]; ofTask?: (task: TaskName) => CommandBodyOf<T> };
};

const trials: Trials = {
  stop: { ofRun: () => [{ type: 'stop' }] },
  pause: { ofRun: () => [{ type: 'pause' }] },
  resume: { ofRun: () => [{ type: 'resume' }] },
  resolveLost: { ofTask: (task) => ({ type: 'resolveLost', task, decision: 'retry' }) },
  stopTask: { ofTask: (task) => ({ type: 'stopTask', task }) },
  skipTask: { ofTask: (task) => ({ type: 'skipTask', task }) },
  forceTask: { ofTask: (task) => ({ type: 'forceTask', task, outputs: {} }) },
  clearTasks: {
    ofRun: () => [
      { type: 'clearTasks', scope: 'failed' },
      { type: 'clearTasks', scope: 'all' },
    ],
    ofTask: (task) => ({ type: 'clearTasks', scope: 'tasks', tasks: [task] }),
  },
  isolateTask: { ofTask: (task) => ({ type: 'isolateTask', task }) },
  rejoinTask: { ofTask: (task) => ({ type: 'rejoinTask', task }) },
  changePriority: {
    ofRun: () => [{ type: 'changePriority', priority: 'medium' }],
    ofTask: (task) => ({ type: 'changePriority', priority: 'medium', task }),
  },
  sendSignal: {
    ofRun: (plan) => signalNamesOf(plan).map((name) => ({ type: 'sendSignal', name, payload: null })),
  },
  approveTask: { ofTask: (task) => ({ type: 'approveTask', task, approved: true }) },
  /** To which version is another question, asked with `check`: here one that differs in nothing. */
  moveVersion: { ofRun: () => [{ type: 'moveVersion', version: 1 }] },
};

const tried = Object.values(trials) as Trials[CommandType][];

/** Commands to the run as a whole. */
export function possibleCommands(run: Run): PossibleCommand[] {
  const wishes = tried.flatMap(({ ofRun }): CommandBody[] => ofRun?.(run.actor.plan) ?? []);
  return wishes.filter((wish) => isPossible(run, wish)).map(shown);
}

/** Commands to one of its tasks. */
export function possibleTaskCommands(run: Run, task: TaskName): CommandType[] {
  const wishes = tried.flatMap(({ ofTask }): CommandBody[] => (ofTask === undefined ? [] : [ofTask(task)]));
  return wishes.filter((wish) => isPossible(run, wish)).map(({ type }) => type);
}

/** Nobody has this key: the schema wants at least one character. */
const nobodysKey = '';

function isPossible({ actor, snapshot }: Run, wish: CommandBody): boolean {
  const decision = actor.decide(snapshot, triedCommand(actor.plan, snapshot, wish));
  return decision.kind === 'events' && decision.events.length > 0;
}

function triedCommand({ definition }: Plan, { context }: Run['snapshot'], wish: CommandBody): WorkflowInstanceCommand {
  const made = { key: nobodysKey, now: 0 };
  if (wish.type !== 'moveVersion') {
    // Reason for the cast: the parts that a decision does not look at are left out.
    return commandOf({ ...wish, by: '' } as StatedCommand, made);
  }
  const from = context.definition;
  const to = from === null ? noVersion(definition) : { ...from, version: from.version + 1 };
  return { type: 'MoveVersion', ...made, by: '', to, definition };
}

/** Of a run that is not there yet. */
const noVersion = ({ name }: Plan['definition']): DefinitionReference => ({ name, version: 1, digest: '' as Digest });

function shown(wish: CommandBody): PossibleCommand {
  if (wish.type === 'clearTasks') return { type: wish.type, scope: wish.scope };
  return wish.type === 'sendSignal' ? { type: wish.type, name: wish.name } : { type: wish.type };
}

function signalNamesOf({ tasks }: Plan): string[] {
  const names = tasks.flatMap(({ definition: { settings } }) => (settings.type === 'signal' ? [settings.name] : []));
  return [...new Set(names)];
}
