/** Tasks of one worker group that wait for a slot: by priority, then in the order in which they came. */
import { type Priority, priorities } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';

export type WaitingTask = {
  instance: InstanceId;
  task: TaskName;
  priority: Priority;
  /** This process's clock, for reporting long waits. */
  since: number;
};

export type TaskQueue = {
  readonly length: number;
  push(task: WaitingTask): void;
  /** Takes the next one out. */
  shift(): WaitingTask | undefined;
  remove(instance: InstanceId, task?: TaskName): void;
  has(instance: InstanceId, task: TaskName): boolean;
  /** Waiting tasks, first ones first. */
  all(): IterableIterator<WaitingTask>;
};

export function createTaskQueue(): TaskQueue {
  /** One insertion-ordered map for each priority, so that removing from the middle costs nothing. */
  const lanes = new Map<Priority, Map<string, WaitingTask>>(priorities.map((priority) => [priority, new Map()]));
  const keyOf = (instance: InstanceId, task: TaskName) => `${instance}/${task}`;

  function* all(): IterableIterator<WaitingTask> {
    for (const lane of lanes.values()) yield* lane.values();
  }

  return {
    get length() {
      let total = 0;
      for (const lane of lanes.values()) total += lane.size;
      return total;
    },
    push: (task) => {
      lanes.get(task.priority)?.set(keyOf(task.instance, task.task), task);
    },
    shift: () => {
      for (const lane of lanes.values()) {
        const first = lane.entries().next().value;
        if (first === undefined) continue;
        lane.delete(first[0]);
        return first[1];
      }
      return undefined;
    },
    remove: (instance, task) => {
      for (const lane of lanes.values()) {
        if (task !== undefined) lane.delete(keyOf(instance, task));
        else for (const [key, waiting] of lane) if (waiting.instance === instance) lane.delete(key);
      }
    },
    has: (instance, task) => [...lanes.values()].some((lane) => lane.has(keyOf(instance, task))),
    all,
  };
}
