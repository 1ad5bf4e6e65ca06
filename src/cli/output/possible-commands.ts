/** Which commands of this program a run would take now, in one line. */
import type { RunReply } from '../../../schemas/messages/client.messages.ts';
import type { CommandType, PossibleCommand } from '../../../schemas/messages/command.messages.ts';

/** The command of this program that sends it. */
const names: Record<CommandType, string> = {
  stop: 'stop',
  pause: 'pause',
  resume: 'resume',
  resolveLost: 'resolve',
  stopTask: 'kill',
  skipTask: 'skip',
  forceTask: 'force',
  clearTasks: 'rerun',
  isolateTask: 'isolate',
  rejoinTask: 'rejoin',
  changePriority: 'priority',
  sendSignal: 'signal',
  approveTask: 'approve',
  moveVersion: 'move',
};

const tasksNamedMax = 3;

/** `stop, pause; kill a, b; skip c`. Empty where nothing is said of it. */
export function possibleCommandsText({ can = [], tasks }: RunReply): string {
  const byName = new Map<string, string[]>();
  for (const { task, can: types = [] } of tasks) {
    for (const type of types) {
      if (type === 'changePriority') continue; // Of each task that has not ended.
      const named = byName.get(names[type]);
      if (named === undefined) byName.set(names[type], [task]);
      else named.push(task);
    }
  }
  const ofTasks = [...byName].map(([name, named]) => `${name} ${listed(named)}`);
  return [can.map(nameOf).join(', '), ...ofTasks].filter((part) => part !== '').join('; ');
}

function nameOf({ type, scope, name }: PossibleCommand): string {
  if (type === 'sendSignal') return `${names[type]} ${name}`;
  return type === 'clearTasks' && scope === 'failed' ? 'retry' : names[type];
}

function listed(tasks: readonly string[]): string {
  const named = tasks.slice(0, tasksNamedMax).join(', ');
  return tasks.length > tasksNamedMax ? `${named} and ${tasks.length - tasksNamedMax} more` : named;
}
