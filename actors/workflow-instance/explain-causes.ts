/** Where a blocked or skipped task has its state from: the failed tasks and the ways taken, however far up. */
import type { Fact } from '../../schemas/messages/explanation.messages.ts';
import type { Plan, PlannedTask } from '../graph/plan.ts';
import { at } from '../kit/persistent-vector.ts';
import type { TaskState } from '../task-instance/task-instance.state.ts';
import type { WorkflowInstanceContext } from './workflow-instance.state.ts';

const causesMax = 20;

type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>;

/** Goes up through blocked tasks to those that failed or were stopped. */
export function blockingFact(plan: Plan, context: WorkflowInstanceContext, task: PlannedTask): FactOf<'blockedBy'> {
  const ends = causesOf(plan, context, task, ({ status }) => status === 'blocked');
  const causes = ends
    .filter(({ status }) => status === 'failed' || status === 'stopped')
    .map(({ status, context: { task: name, fault } }) => ({
      task: name,
      status,
      ...(fault === null ? {} : { fault }),
    }));
  return { kind: 'blockedBy', causes: causes.slice(0, causesMax) };
}

/** Goes up through tasks that were skipped for the same reason to those that took another way. */
export function otherWayFact(plan: Plan, context: WorkflowInstanceContext, task: PlannedTask): FactOf<'otherWay'> {
  const ends = causesOf(plan, context, task, isOffTheWay);
  const taken = ends.flatMap(({ context: { task: name, branch } }) =>
    branch === null ? [] : [{ task: name, choice: branch.choice }],
  );
  return { kind: 'otherWay', taken: taken.slice(0, causesMax) };
}

const isOffTheWay = ({ status, context }: TaskState) => status === 'skipped' && context.skip?.why === 'branch';

/** What it needs, near and far, as far as `isPassed` says that the reason lies further up. */
function causesOf(
  plan: Plan,
  context: WorkflowInstanceContext,
  task: PlannedTask,
  isPassed: (state: TaskState) => boolean,
): TaskState[] {
  const seen = new Set(task.needs);
  const causes: TaskState[] = [];
  for (const index of seen) {
    const state = at(context.tasks, index);
    if (!isPassed(state)) causes.push(state);
    else for (const need of plan.tasks[index]?.needs ?? []) seen.add(need);
  }
  return causes;
}
