/** Commands to a task group, decided into events. What has been done already is answered with no events. */
import type { TaskGroupCommand } from '../../schemas/commands/concurrency.commands.ts';
import type { TaskGroupEvent } from '../../schemas/events/task-group.events.ts';
import { type Decision, rejected } from '../kit/decider.ts';
import { takeOwnership } from '../kit/owned-actor.ts';
import type { TaskGroupSnapshot } from './task-group.machine.ts';
import { findHolder, findWaiting, grantable, holderOf, waitingOf } from './task-group.state.ts';

type CommandOf<T extends TaskGroupCommand['type']> = Extract<TaskGroupCommand, { type: T }>;
type Asked = { key: string; by: string; reason?: string };

const none: Decision<TaskGroupEvent> = { kind: 'events', events: [] };
const one = (event: TaskGroupEvent): Decision<TaskGroupEvent> => ({ kind: 'events', events: [event] });
const askedOf = ({ key, by, reason }: Asked): Asked => ({ key, by, ...(reason === undefined ? {} : { reason }) });

export function decideTaskGroup(snapshot: TaskGroupSnapshot, command: TaskGroupCommand): Decision<TaskGroupEvent> {
  switch (command.type) {
    case 'TakeOwnership':
      return one(takeOwnership(snapshot.context, command));
    case 'ConfigureGroup':
      return configure(snapshot, command);
    case 'RequestSlot':
      return request(snapshot, command);
    case 'ReleaseSlot':
      return release(snapshot, command);
    case 'ForceSlot':
      return force(snapshot, command);
    case 'ChangeSlotPriority':
      return changePriority(snapshot, command);
    case 'GrantSlots':
      return grant(snapshot, command);
  }
}

function configure(
  { value, context }: TaskGroupSnapshot,
  command: CommandOf<'ConfigureGroup'>,
): Decision<TaskGroupEvent> {
  const slots = command.slots ?? context.slots;
  const isOpen = command.isOpen ?? value !== 'closed';
  if (value !== 'unset' && slots === context.slots && isOpen === (value === 'open')) return none;
  if (value === 'unset' && command.slots === undefined) {
    return rejected('COMMAND_NOT_ALLOWED', 'the task group has no slots yet; say how many it has first');
  }
  return one({ type: 'TaskGroupConfigured', data: { slots, isOpen, configuredAt: command.now, ...askedOf(command) } });
}

function request({ context }: TaskGroupSnapshot, command: CommandOf<'RequestSlot'>): Decision<TaskGroupEvent> {
  const { priority, slots, now } = command;
  const holder = holderOf(command.holder);
  if (findWaiting(context, holder) !== undefined || findHolder(context, holder) !== undefined) return none;
  return one({ type: 'SlotRequested', data: { holder, priority, slots, requestedAt: now } });
}

function release({ context }: TaskGroupSnapshot, command: CommandOf<'ReleaseSlot'>): Decision<TaskGroupEvent> {
  const { why, now } = command;
  const holder = holderOf(command.holder);
  if (findHolder(context, holder) !== undefined) {
    return one({ type: 'SlotReleased', data: { holder, why, releasedAt: now } });
  }
  if (findWaiting(context, holder) === undefined) return none;
  return one({ type: 'RequestWithdrawn', data: { holder, why, withdrawnAt: now } });
}

function force({ context }: TaskGroupSnapshot, command: CommandOf<'ForceSlot'>): Decision<TaskGroupEvent> {
  const { instance, task, now } = command;
  const [waiting] = waitingOf(context, instance, task);
  if (waiting !== undefined) {
    const { holder } = waiting;
    return one({ type: 'SlotForced', data: { holder, forcedAt: now, ...askedOf(command) } });
  }
  if (context.holders.some(({ holder }) => holder.instance === instance && holder.task === task)) return none;
  return notWaiting(command);
}

function changePriority(
  { context }: TaskGroupSnapshot,
  command: CommandOf<'ChangeSlotPriority'>,
): Decision<TaskGroupEvent> {
  const { instance, task, priority } = command;
  const [waiting] = waitingOf(context, instance, task);
  if (waiting === undefined) return notWaiting(command);
  if (waiting.priority === priority) return none;
  const { holder } = waiting;
  return one({ type: 'SlotPriorityChanged', data: { holder, priority, ...askedOf(command) } });
}

/** One at a time: the effect of a grant asks for the next. */
function grant({ value, context }: TaskGroupSnapshot, { now }: CommandOf<'GrantSlots'>): Decision<TaskGroupEvent> {
  const next = value === 'open' ? grantable(context) : undefined;
  if (next === undefined) return none;
  return one({ type: 'SlotGranted', data: { holder: next.holder, grantedAt: now } });
}

function notWaiting({ instance, task }: { instance: string; task: string }): Decision<TaskGroupEvent> {
  const message = `the task ${task} of ${instance} does not wait for slots of this group; list the group to see who does`;
  return rejected('COMMAND_NOT_ALLOWED', message);
}
