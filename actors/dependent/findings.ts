/** How one run stands for a dependent that asks for all of it, for every task, or for one task. */
import type { DependentItem } from '../../schemas/definition/run-settings.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { Plan } from '../graph/plan.ts';
import { entries } from '../kit/persistent-vector.ts';
import type { TaskState } from '../task-instance/task-instance.state.ts';
import type { WorkflowInstanceContext } from '../workflow-instance/workflow-instance.state.ts';
import { taskStateOf } from '../workflow-instance/workflow-instance.view.ts';
import type { Finding } from './evaluate.ts';

type RunEnd = { instance: InstanceId; status: string; finishedAt?: number | undefined };

/** For an item without a task: the run as a whole. */
export function findingOfRun({ instance, status, finishedAt }: RunEnd): Finding {
  if (finishedAt === undefined) return { kind: 'open', instance };
  if (status === 'succeeded') return { kind: 'met', instance };
  return { kind: 'failed', instance, failedAt: finishedAt, why: status };
}

/** For an item with a task, or with every task. */
export function findingOfTasks(
  instance: InstanceId,
  task: NonNullable<DependentItem['task']>,
  { plan, context }: { plan: Plan; context: WorkflowInstanceContext },
): Finding {
  if (task === '*') return findingOfAll(instance, context);
  const state = taskStateOf(plan, context, task);
  const endedAt = context.finishedAt;
  if (state === undefined) {
    const failedAt = context.submittedAt ?? 0;
    return { kind: 'failed', instance, failedAt, why: `there is no task ${task}` };
  }
  if (isDone(state)) return { kind: 'met', instance };
  const failedAt = endedAt ?? state.context.finishedAt;
  const isOver = endedAt !== null || badEnds.includes(state.status);
  if (!isOver || failedAt === null) return { kind: 'open', instance };
  return { kind: 'failed', instance, failedAt, why: wordOf(state) };
}

const badEnds: readonly string[] = ['failed', 'stopped', 'blocked'];

/** What was passed over by a person, or because it is disabled, counts as done, as it does for what needs it. */
function isDone({ status, context: { skip } }: TaskState): boolean {
  return status === 'succeeded' || (status === 'skipped' && skip?.why !== 'branch');
}

const wordOf = ({ status }: TaskState) => (status === 'skipped' ? 'not on the way taken' : status);

/** Every task of a run is known when the run has ended; those on ways not taken are not asked for. */
function findingOfAll(instance: InstanceId, { tasks, finishedAt }: WorkflowInstanceContext): Finding {
  if (finishedAt === null) return { kind: 'open', instance };
  for (const [, { status, context }] of entries(tasks)) {
    if (status === 'succeeded' || status === 'skipped') continue;
    return { kind: 'failed', instance, failedAt: finishedAt, why: `the task ${context.task} is ${status}` };
  }
  return { kind: 'met', instance };
}
