/** Commands of users to a run: any master takes them and hands them to the owner. Answered after the append. */
import { runStatusOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { MasterId } from '../../schemas/ids.ts';
import {
  type CommandReceipt,
  type CommandRequest,
  commandReceiptSchema,
  commandRequestSchema,
} from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance, MessageOutcome } from './live-instance.ts';
import { notFound } from './run-queries.ts';

export type RunCommandsOptions = { transport: Transport; host: InstanceHost; clock: Clock; ids: IdSource };

const forwardTimeoutMs = 10_000;

export class RunCommands {
  readonly #options: RunCommandsOptions;

  constructor(options: RunCommandsOptions) {
    this.#options = options;
  }

  /** @param isForwarded came from another master, which took this one for the owner: it is not sent on again. */
  async take(body: unknown, isForwarded: boolean): Promise<CommandReceipt> {
    const command = parseBody(commandRequestSchema, body, 'a command');
    const found = await this.#options.host.locate(command.instance);
    switch (found.kind) {
      case 'live':
        return this.#send(found.instance, command);
      case 'missing':
        throw notFound(command.instance);
      case 'finished':
        return this.#finished(command);
      case 'elsewhere':
        if (found.owner === undefined || isForwarded) throw ownerUnknown(command);
        return this.#forward(found.owner, command);
    }
  }

  async #send(instance: LiveInstance, command: CommandRequest): Promise<CommandReceipt> {
    const { clock, ids } = this.#options;
    const key = command.key ?? ids.uuid();
    const decided = decisionOf(command, { key, now: clock.now() });
    const outcome = await new Promise<MessageOutcome>((resolve) => {
      instance.send({ command: decided, causationId: `command.${key}`, onOutcome: resolve });
    });
    if (outcome.kind === 'rejected') throw new AppError(outcome.rejection.code, outcome.rejection.message);
    if (outcome.kind === 'dropped') throw ownerUnknown(command);
    const status = runStatusOf(instance.snapshot.value);
    return { instance: instance.id, revision: outcome.revision, changed: outcome.eventCount > 0, status };
  }

  async #finished(command: CommandRequest): Promise<CommandReceipt> {
    const folded = await this.#options.host.fold(command.instance);
    if (folded === undefined) throw notFound(command.instance);
    const { actor, snapshot, revision } = folded;
    const made = { key: command.key ?? '', now: this.#options.clock.now() };
    const decision = actor.decide(snapshot, decisionOf(command, made));
    // Nothing can be written to an ended run: what is not refused had been done before.
    if (decision.kind === 'rejected') throw new AppError(decision.rejection.code, decision.rejection.message);
    return { instance: command.instance, revision, changed: false, status: runStatusOf(snapshot.value) };
  }

  async #forward(owner: MasterId, command: CommandRequest): Promise<CommandReceipt> {
    const result = await this.#options.transport.request(subjects.master.command(owner), command, {
      timeoutMs: forwardTimeoutMs,
    });
    if (result.kind !== 'answer') throw ownerUnknown(command);
    const refused = errorReplySchema.safeParse(result.body);
    if (refused.success) throw new AppError(refused.data.code, refused.data.message);
    return commandReceiptSchema.parse(result.body);
  }
}

function decisionOf(command: CommandRequest, made: { key: string; now: number }): WorkflowInstanceCommand {
  const { by, reason } = command;
  const common = { ...made, by, ...(reason === undefined ? {} : { reason }) };
  switch (command.type) {
    case 'stop':
      return { type: 'RequestStop', ...common };
    case 'pause':
      return { type: 'RequestPause', ...common };
    case 'resume':
      return { type: 'RequestResume', ...common };
    case 'resolveLost':
      return { type: 'ResolveLost', task: command.task, decision: command.decision, ...common };
  }
}

function ownerUnknown({ instance }: CommandRequest): AppError {
  return new AppError('NOT_OWNER', `the run ${instance} is changing its owner; send the command again in a moment`);
}
