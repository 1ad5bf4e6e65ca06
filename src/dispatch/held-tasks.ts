/** Tasks that an order keeps from being placed, in the order in which they came. */
import type { Priority } from '../../schemas/definition/workflow.definition.ts';
import type { InstanceId, TaskName, WorkerGroup } from '../../schemas/ids.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { TaskQueue } from './task-queue.ts';

export type PlaceRequest = { instance: InstanceId; task: TaskName; group: WorkerGroup; priority: Priority };

export type HeldTasks = {
  readonly length: number;
  add(request: PlaceRequest): void;
  remove(instance: InstanceId, task?: TaskName): void;
  has(instance: InstanceId, task: TaskName): boolean;
  /** Those that have been held since then or longer; milliseconds by this process's clock. */
  since(limitAt: number): PlaceRequest[];
  /** Takes out those that fit. */
  takeWhere(fits: (request: PlaceRequest) => boolean): PlaceRequest[];
  /** Takes those that fit out of their queues, and holds them. */
  moveFrom(queues: ReadonlyMap<WorkerGroup, TaskQueue>, fits: (request: PlaceRequest) => boolean): void;
};

export function createHeldTasks(clock: Clock): HeldTasks {
  const held = new Map<string, { request: PlaceRequest; since: number }>();
  const keyOf = (instance: InstanceId, task: TaskName) => `${instance}/${task}`;

  const add = (request: PlaceRequest): void => {
    const key = keyOf(request.instance, request.task);
    if (!held.has(key)) held.set(key, { request, since: clock.now() });
  };

  return {
    get length() {
      return held.size;
    },
    add,
    remove: (instance, task) => {
      if (task !== undefined) held.delete(keyOf(instance, task));
      else for (const [key, { request }] of held) if (request.instance === instance) held.delete(key);
    },
    has: (instance, task) => held.has(keyOf(instance, task)),
    since: (limitAt) => [...held.values()].filter(({ since }) => since <= limitAt).map(({ request }) => request),
    takeWhere: (fits) => {
      const taken: PlaceRequest[] = [];
      for (const [key, { request }] of held) {
        if (!fits(request)) continue;
        held.delete(key);
        taken.push(request);
      }
      return taken;
    },
    moveFrom: (queues, fits) => {
      for (const [group, queue] of queues) {
        for (const { instance, task, priority } of [...queue.all()]) {
          const request = { instance, task, priority, group };
          if (!fits(request)) continue;
          queue.remove(instance, task);
          add(request);
        }
      }
    },
  };
}
