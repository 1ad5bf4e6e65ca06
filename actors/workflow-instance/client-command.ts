/** What a user's message to a run asks of its actor. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { CommandRequest } from '../../schemas/messages/command.messages.ts';

/** Of a version only the number is named: who has its definition makes the command. */
export type StatedCommand = Exclude<CommandRequest, { type: 'moveVersion' }>;

/** `key` and `now` come from the master that takes the message. */
export function commandOf(request: StatedCommand, made: { key: string; now: number }): WorkflowInstanceCommand {
  const { by, reason } = request;
  const common = { ...made, by, ...(reason === undefined ? {} : { reason }) };
  switch (request.type) {
    case 'stop':
      return { type: 'RequestStop', ...common, ...(request.round === undefined ? {} : { round: request.round }) };
    case 'pause':
      return { type: 'RequestPause', ...common };
    case 'resume':
      return { type: 'RequestResume', ...common };
    case 'resolveLost':
      return { type: 'ResolveLost', task: request.task, decision: request.decision, ...common };
    case 'stopTask':
      return { type: 'StopTask', task: request.task, ...common };
    case 'skipTask':
      return { type: 'SkipTask', task: request.task, ...common };
    case 'forceTask':
      return { type: 'ForceTask', task: request.task, outputs: request.outputs, ...common };
    case 'clearTasks': {
      const { scope, tasks } = request;
      return { type: 'ClearTasks', scope, ...(tasks === undefined ? {} : { tasks }), ...common };
    }
    case 'isolateTask':
      return { type: 'IsolateTask', task: request.task, ...common };
    case 'rejoinTask':
      return { type: 'RejoinTask', task: request.task, ...common };
    case 'changePriority': {
      const { priority, task } = request;
      return { type: 'ChangePriority', priority, ...(task === undefined ? {} : { task }), ...common };
    }
    case 'sendSignal':
      return { type: 'SendSignal', name: request.name, payload: request.payload, ...common };
    case 'approveTask':
      return { type: 'ApproveTask', task: request.task, approved: request.approved, ...common };
  }
}
