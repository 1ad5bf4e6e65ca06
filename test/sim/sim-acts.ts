/** What people do to runs, task groups and the cluster while faults happen, and the requests that it leads to. */
import { priorities } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowName } from '../../schemas/ids.ts';
import type { RunReply, TaskSummary } from '../../schemas/messages/client.messages.ts';
import type { OperationsReply, TaskGroupView } from '../../schemas/messages/concurrency.messages.ts';
import type { TaskGroupOperation } from '../../schemas/messages/subjects.ts';
import { signalNames, slotsMax, taskGroups } from './sim-definitions.ts';
import type { SimRandom } from './sim-random.ts';

/** Some twice: more follows from them. */
const runActTypes = [
  'stop',
  'pause',
  'pause',
  'resume',
  'stopTask',
  'skipTask',
  'forceTask',
  'clearTasks',
  'isolateTask',
  'rejoinTask',
  'changePriority',
  'sendSignal',
  'approveTask',
] as const;

export type RunActType = (typeof runActTypes)[number];

/** `seed` decides which task is meant, when the state of the run is known. */
export type RunAct = { type: RunActType; afterMs: number; seed: number; repeatAfterMs: number | undefined };

export type ClusterAct = {
  atMs: number;
  seed: number;
  type: 'group' | 'operation';
  names: readonly WorkflowName[];
  groups: readonly string[];
};

export function drawRunActs(random: SimRandom, options: { isSteered: boolean; longestMs: number }): RunAct[] {
  const { isSteered, longestMs } = options;
  const count = isSteered ? random.integer(0, 6) : 0;
  const acts = Array.from({ length: count }, () => drawRunAct(random, random.pick(runActTypes), longestMs));
  if (random.chance(0.12)) acts.push(drawRunAct(random, 'stop', longestMs));
  return acts;
}

function drawRunAct(random: SimRandom, type: RunActType, longestMs: number): RunAct {
  const afterMs = random.magnitude(1, longestMs);
  const repeatAfterMs = random.chance(0.4) ? random.magnitude(1, longestMs) : undefined;
  return { type, afterMs, seed: random.bits(), repeatAfterMs };
}

type ActsScope = { names: readonly WorkflowName[]; groups: readonly string[]; chaosMs: number };

export function drawClusterActs(random: SimRandom, { names, groups, chaosMs }: ActsScope): ClusterAct[] {
  const count = random.chance(0.5) ? random.integer(1, 6) : 0;
  return Array.from({ length: count }, () => {
    const type = random.pick(['group', 'operation'] as const);
    return { atMs: random.between(0, chaosMs), seed: random.bits(), type, names, groups };
  });
}

const mayStop = ['waiting', 'ready', 'delayed', 'assigned', 'accepted', 'running', 'awaiting', 'absent', 'backingOff'];
const maySkip = ['waiting', 'ready', 'delayed', 'backingOff', 'failed', 'stopped', 'blocked'];
const mayForce = ['failed', 'stopped', 'blocked', 'skipped'];
const mayClear = ['ready', 'backingOff', 'succeeded', 'failed', 'stopped', 'blocked', 'skipped'];

/** The fields of the command, beside those that every command has. Undefined: there is nothing to do it to. */
export function commandFor({ type }: RunAct, { tasks }: RunReply, random: SimRandom): object | undefined {
  const named = (statuses: readonly string[]) => namedTask(tasks, statuses, random);
  switch (type) {
    case 'stop':
    case 'pause':
    case 'resume':
      return { type };
    case 'stopTask':
      return { type, task: named(mayStop) };
    case 'skipTask':
      return { type, task: named(maySkip) };
    case 'forceTask':
      return { type, task: named(mayForce), outputs: { n: random.integer(0, 99) } };
    case 'clearTasks': {
      const scope = random.pick(['failed', 'all', 'tasks', 'descendants'] as const);
      return { type, scope, ...(scope === 'failed' || scope === 'all' ? {} : { tasks: [named(mayClear)] }) };
    }
    case 'isolateTask':
    case 'rejoinTask':
      return { type, task: named([]) };
    case 'changePriority':
      return { type, priority: random.pick(priorities), ...(random.chance(0.5) ? { task: named([]) } : {}) };
    case 'sendSignal':
      return { type, name: random.pick(signalNames), payload: { n: random.integer(0, 99) } };
    case 'approveTask': {
      const task = tasks.find(({ status, note = '' }) => status === 'awaiting' && note.includes('approval'));
      return task && { type, task: task.task, approved: random.chance(0.7) };
    }
  }
}

/** Mostly one that can take it; now and then another, which must be refused. */
function namedTask(tasks: readonly TaskSummary[], statuses: readonly string[], random: SimRandom): string | undefined {
  const fitting = tasks.filter(({ status }) => statuses.includes(status));
  return random.pick(fitting.length > 0 && random.chance(0.8) ? fitting : tasks).task;
}

export type GroupOrder = { operation: TaskGroupOperation; body: object };

export function groupOrderFor(groups: readonly TaskGroupView[], random: SimRandom): GroupOrder {
  const crowded = groups.find(({ waitingCount }) => waitingCount > 0);
  const group = crowded?.name ?? random.pick(taskGroups);
  const waiting = crowded?.waiting[0];
  const operation = random.pick(['set', 'close', 'open', 'force', 'priority', 'priority'] as const);
  if (operation === 'set') return { operation, body: { group, slots: random.integer(0, slotsMax + 1) } };
  if (operation === 'open' || operation === 'close') return { operation, body: { group } };
  if (waiting === undefined) return { operation: 'set', body: { group, slots: random.integer(0, slotsMax + 1) } };
  const { instance, task } = waiting;
  const priority = operation === 'priority' ? { priority: random.pick(priorities) } : {};
  return { operation, body: { group, instance, task, ...priority } };
}

/** A crown for one of the runs, a freeze, or the end of one that is in force. */
export function operationFor(
  { names, groups }: Pick<ClusterAct, 'names' | 'groups'>,
  { crowns, freezes }: OperationsReply,
  run: RunReply | undefined,
  random: SimRandom,
): object | undefined {
  switch (random.pick(['crown', 'crown', 'uncrown', 'freeze', 'unfreeze'] as const)) {
    case 'crown': {
      if (run === undefined) return undefined;
      const { task, needs } = random.pick(run.tasks);
      const upstreams = random.chance(0.3) ? { upstreams: needs.filter(() => random.chance(0.7)) } : {};
      return { type: 'crown', instance: run.run.instance, task, ...upstreams };
    }
    case 'uncrown':
      return crowns[0] && { type: 'uncrown', id: crowns[0].id };
    case 'freeze': {
      const kind = random.pick(['workflow', 'workerGroup'] as const);
      return { type: 'freeze', target: { kind, name: random.pick(kind === 'workflow' ? names : groups) } };
    }
    case 'unfreeze':
      return freezes[0] && { type: 'unfreeze', target: freezes[0].target };
  }
}
