/** The journaled actor of a task group: machine, decisions and effects joined. */
import type { TaskGroupCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import { type OwnedActor, ownedActor } from '../kit/owned-actor.ts';
import { decideTaskGroup } from './task-group.decide.ts';
import { pendingGroupEffects, type TaskGroupEffect } from './task-group.effects.ts';
import { type TaskGroupSnapshot, taskGroupMachine } from './task-group.machine.ts';

export type TaskGroupActor = OwnedActor<TaskGroupSnapshot, TaskGroupEvent, TaskGroupCommand, TaskGroupEffect>;

export const taskGroupActor: TaskGroupActor = ownedActor<
  TaskGroupSnapshot,
  TaskGroupEvent,
  TaskGroupCommand,
  TaskGroupEffect
>({ machine: taskGroupMachine, decide: decideTaskGroup, pendingEffects: pendingGroupEffects });
