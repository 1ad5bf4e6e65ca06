/** Pure questions about the orders to the cluster: may a task be placed, and if not, why. */
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, TaskName, WorkerGroup, WorkflowName } from '../../schemas/ids.ts';
import type { OperationsReply } from '../../schemas/messages/concurrency.messages.ts';
import type { Plan } from '../graph/plan.ts';
import { type ClusterOperationsContext, type Crown, findFreeze } from './cluster-operations.state.ts';

/** A task that is to be placed. */
export type PlaceableTask = {
  instance: InstanceId;
  workflow: WorkflowName;
  task: TaskName;
  group: WorkerGroup;
  /** The run whose task made this one. */
  parent?: InstanceId;
};

/**
 * Why the task may not be placed now; undefined when it may. A coronation goes before a freeze: what is crowned runs, even if
 * it is frozen.
 * @param isUnderCrown whether the crown lets the task run
 */
export function operationsHold(
  context: ClusterOperationsContext,
  task: PlaceableTask,
  isUnderCrown: (crown: Crown) => boolean,
): HoldReason | undefined {
  const { crowns } = context;
  const { group } = task;
  if (crowns.length > 0) {
    return crowns.some(isUnderCrown) ? undefined : { code: 'HELD_BY_CORONATION', message: coronation(crowns), group };
  }
  const workflow = findFreeze(context, { kind: 'workflow', name: task.workflow });
  if (workflow !== undefined) {
    const { by, reason } = workflow;
    const message = `the workflow ${task.workflow} is frozen by ${by}${because(reason)}`;
    return { code: 'WORKFLOW_FROZEN', message, group };
  }
  const workers = findFreeze(context, { kind: 'workerGroup', name: group });
  if (workers === undefined) return undefined;
  const message = `the worker group ${group} is frozen by ${workers.by}${because(workers.reason)}`;
  return { code: 'GROUP_FROZEN', message, group };
}

/** The tasks that a crown lets run: its task, its chosen upstreams, and all that those need. */
export function tasksUnder({ task, upstreams }: Pick<Crown, 'task' | 'upstreams'>, plan: Plan): Set<TaskName> {
  const under = new Set<TaskName>([task]);
  const queue = upstreams.filter((name) => plan.indexOf(name) !== undefined);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (under.has(name)) continue;
    under.add(name);
    queue.push(...(plan.tasks[plan.indexOf(name) ?? -1]?.definition.needs ?? []));
  }
  return under;
}

function coronation(crowns: readonly Crown[]): string {
  const [first] = crowns;
  const more = crowns.length > 1 ? ` and ${crowns.length - 1} more` : '';
  return `${first?.task} of ${first?.instance}${more} is crowned by ${first?.by}${because(first?.reason ?? null)}; all else waits`;
}

const because = (reason: string | null): string => (reason === null ? '' : `: ${reason}`);

export function operationsView({ crowns, freezes }: ClusterOperationsContext): OperationsReply {
  return {
    crowns: crowns.map(({ id, instance, task, upstreams, placedAt, by, reason }) => ({
      id,
      instance,
      task,
      upstreams: [...upstreams],
      placedAt,
      by,
      ...(reason === null ? {} : { reason }),
    })),
    freezes: freezes.map(({ target, placedAt, by, reason }) => ({
      target,
      placedAt,
      by,
      ...(reason === null ? {} : { reason }),
    })),
  };
}
