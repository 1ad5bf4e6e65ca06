/**
 * Clears tasks of many runs, some at a time. Each run has its own key, made of the given one and its id: with the same key the
 * whole may be repeated, and what was done stays done once.
 */
import type { TaskName } from '../../schemas/ids.ts';
import type { RunReply, RunSummary } from '../../schemas/messages/client.messages.ts';
import type { CommandBodyOf } from '../../schemas/messages/command.messages.ts';
import { AppError } from '../errors/app-error.ts';
import type { Session } from './session.ts';

export type Clearing = {
  body: CommandBodyOf<'clearTasks'>;
  key: string;
  by: string;
  reason: string | undefined;
  /** Nothing is sent: each run is looked at. */
  isDryRun: boolean;
  concurrency: number;
};

export type Cleared = Pick<RunSummary, 'instance' | 'workflow'> &
  (
    | { outcome: 'cleared' | 'doneBefore'; revision: number; status: string }
    | { outcome: 'wouldClear'; tasks: TaskName[] }
    /** The state of the run does not allow it. */
    | { outcome: 'refused' | 'wouldRefuse'; code: string; message: string }
    /** Nobody knows whether it was done: repeat it with the same key. */
    | { outcome: 'unanswered'; code: string; message: string }
  );

/** In the order of the given runs. */
export async function clearRuns(session: Session, runs: readonly RunSummary[], clearing: Clearing): Promise<Cleared[]> {
  const results: Cleared[] = [];
  const waiting = [...runs.entries()];
  const next = async (): Promise<void> => {
    for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
      const [index, run] = entry;
      results[index] = await clearOne(session, run, clearing);
    }
  };
  await Promise.all(Array.from({ length: clearing.concurrency }, next));
  return results;
}

async function clearOne({ client }: Session, run: RunSummary, clearing: Clearing): Promise<Cleared> {
  const { instance, workflow } = run;
  const { body, key, by, reason, isDryRun } = clearing;
  try {
    if (isDryRun) return { instance, workflow, ...expected(await client.run(instance, true), body) };
    const said = { key: `${key}.${instance}`, by, ...(reason === undefined ? {} : { reason }) };
    const { changed, revision, status } = await client.command({ ...body, instance, ...said });
    return { instance, workflow, outcome: changed ? 'cleared' : 'doneBefore', revision, status };
  } catch (fault) {
    if (!(fault instanceof AppError)) throw fault;
    const { code, message } = fault;
    return { instance, workflow, outcome: fault.isRetryable ? 'unanswered' : 'refused', code, message };
  }
}

type Expected =
  | { outcome: 'wouldClear'; tasks: TaskName[] }
  | { outcome: 'wouldRefuse'; code: string; message: string };

/** From what the run says that it can take now. */
function expected(reply: RunReply, { scope, tasks: named = [] }: CommandBodyOf<'clearTasks'>): Expected {
  const refuse = (message: string): Expected => ({ outcome: 'wouldRefuse', code: 'COMMAND_NOT_ALLOWED', message });
  const { can = [], run } = reply;
  if (scope === 'all' || scope === 'failed') {
    const isPossible = can.some((command) => command.type === 'clearTasks' && command.scope === scope);
    if (!isPossible) return refuse(`the run is ${run.status} and does not take that now`);
    const tasks = reply.tasks.filter(({ status }) => scope === 'all' || status === 'failed' || status === 'stopped');
    return { outcome: 'wouldClear', tasks: tasks.map(({ task }) => task) };
  }
  const tasks = scope === 'tasks' ? named : withDescendants(reply, named);
  for (const name of tasks) {
    const task = reply.tasks.find((one) => one.task === name);
    if (task === undefined) return refuse(`the run has no task ${name}`);
    if (task.can !== undefined && !task.can.includes('clearTasks')) {
      return refuse(`the run is ${run.status}, its task ${name} is ${task.status}`);
    }
  }
  return { outcome: 'wouldClear', tasks };
}

function withDescendants({ tasks }: RunReply, named: readonly TaskName[]): TaskName[] {
  const found = new Set(named);
  for (const name of found) for (const { task, needs } of tasks) if (needs.includes(name)) found.add(task);
  return [...found];
}
