/** Commands of users to a run: any master takes them and hands them to the owner. Answered after the append. */
import { commandOf } from '../../actors/workflow-instance/client-command.ts';
import { runStatusOf } from '../../actors/workflow-instance/workflow-instance.view.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { MasterId, WorkflowName } from '../../schemas/ids.ts';
import {
  type CommandReceipt,
  type CommandRequest,
  commandReceiptSchema,
  commandRequestSchema,
} from '../../schemas/messages/command.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { MessageOutcome } from '../actor-host/decision-loop.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { DefinitionStore } from '../definitions/definition-store.ts';
import { AppError } from '../errors/app-error.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { InstanceHost } from './instance-host.ts';
import type { InstanceMessage, LiveInstance } from './live-instance.ts';
import { notFound } from './run-queries.ts';

export type RunCommandsOptions = {
  transport: Transport;
  host: InstanceHost;
  definitions: Pick<DefinitionStore, 'version'>;
  clock: Clock;
  ids: IdSource;
};

type KeyedRequest = CommandRequest & { key: string };

const forwardTimeoutMs = 10_000;
/** How often a run is looked for that ends and is opened again meanwhile. */
const triesMax = 5;
const givenSizeBytesMax = 65_536;

export class RunCommands {
  readonly #options: RunCommandsOptions;

  constructor(options: RunCommandsOptions) {
    this.#options = options;
  }

  /** @param isForwarded came from another master, which took this one for the owner: it is not sent on again. */
  async take(body: unknown, isForwarded: boolean): Promise<CommandReceipt> {
    const request = parseBody(commandRequestSchema, body, 'a command');
    refuseLarge(request);
    const command = { ...request, key: request.key ?? this.#options.ids.uuid() };
    for (let tries = 0; tries < triesMax; tries += 1) {
      const found = await this.#options.host.locate(command.instance);
      switch (found.kind) {
        case 'live':
          return this.#send(found.instance, command);
        case 'missing':
          throw notFound(command.instance);
        case 'finished': {
          const answer = await this.#withoutChange(command);
          const receipt = 'revision' in answer ? answer : await this.#reopen(command, answer);
          if (receipt !== undefined) return receipt;
          break;
        }
        case 'elsewhere':
          if (found.owner === undefined || isForwarded) throw ownerUnknown(command);
          return this.#forward(found.owner, command);
      }
    }
    throw ownerUnknown(command);
  }

  async #send(instance: LiveInstance, command: KeyedRequest): Promise<CommandReceipt> {
    const message = await this.#messageOf(command, instance.workflow);
    if (command.type === 'moveVersion' && command.check === true) return checked(message, instance);
    const outcome = await new Promise<MessageOutcome>((resolve) => {
      instance.send({ ...message, onOutcome: resolve });
    });
    return receiptOf(command, outcome, instance);
  }

  /** Of a run that has ended: the answer to a command that was done before, or the message that opens the run again. @throws AppError when it is refused */
  async #withoutChange(command: KeyedRequest): Promise<CommandReceipt | InstanceMessage> {
    const folded = await this.#options.host.fold(command.instance);
    if (folded === undefined) throw notFound(command.instance);
    const { actor, snapshot, revision, workflow } = folded;
    const message = await this.#messageOf(command, workflow);
    const decision = actor.decide(snapshot, message.command);
    if (decision.kind === 'rejected') throw new AppError(decision.rejection.code, decision.rejection.message);
    if (decision.events.length > 0) return message;
    return { instance: command.instance, revision, changed: false, status: runStatusOf(snapshot.value) };
  }

  /** Undefined when somebody else was faster: the run is looked for again. */
  async #reopen(command: KeyedRequest, message: InstanceMessage): Promise<CommandReceipt | undefined> {
    let outcome: MessageOutcome | undefined;
    const onOutcome = (told: MessageOutcome): void => {
      outcome = told;
    };
    const found = await this.#options.host.reopen(command.instance, { ...message, onOutcome });
    if (outcome === undefined || found.kind !== 'live') return undefined;
    return receiptOf(command, outcome, found.instance);
  }

  async #messageOf(command: KeyedRequest, workflow: WorkflowName): Promise<InstanceMessage> {
    const { key } = command;
    const made = { key, now: this.#options.clock.now() };
    const causationId = `command.${key}`;
    if (command.type !== 'moveVersion') return { command: commandOf(command, made), causationId };
    const { reference: to, plan } = await this.#options.definitions.version(workflow, command.version);
    const { by, reason } = command;
    const asked = { ...made, by, ...(reason === undefined ? {} : { reason }) };
    return { command: { type: 'MoveVersion', to, definition: plan.definition, ...asked }, causationId };
  }

  async #forward(owner: MasterId, command: KeyedRequest): Promise<CommandReceipt> {
    const result = await this.#options.transport.request(subjects.master.command(owner), command, {
      timeoutMs: forwardTimeoutMs,
    });
    if (result.kind !== 'answer') throw ownerUnknown(command);
    const refused = errorReplySchema.safeParse(result.body);
    if (refused.success) throw new AppError(refused.data.code, refused.data.message);
    return commandReceiptSchema.parse(result.body);
  }
}

/** Whether it would be done; nothing is. */
function checked({ command }: InstanceMessage, { id, actor, snapshot, revision }: LiveInstance): CommandReceipt {
  const decision = actor.decide(snapshot, command);
  if (decision.kind === 'rejected') throw new AppError(decision.rejection.code, decision.rejection.message);
  return { instance: id, revision, changed: false, status: runStatusOf(snapshot.value) };
}

function receiptOf(command: CommandRequest, outcome: MessageOutcome, { id, snapshot }: LiveInstance): CommandReceipt {
  if (outcome.kind === 'rejected') throw new AppError(outcome.rejection.code, outcome.rejection.message);
  if (outcome.kind === 'dropped') throw ownerUnknown(command);
  const { revision, eventCount } = outcome;
  return { instance: id, revision, changed: eventCount > 0, status: runStatusOf(snapshot.value) };
}

/** What a person gives is kept in the stream, as the outputs of a task are. */
function refuseLarge(request: CommandRequest): void {
  const given =
    request.type === 'forceTask' ? request.outputs : request.type === 'sendSignal' ? request.payload : undefined;
  const sizeBytes = given === undefined ? 0 : Buffer.byteLength(JSON.stringify(given));
  if (sizeBytes <= givenSizeBytesMax) return;
  const what = request.type === 'forceTask' ? 'the outputs' : 'the payload of the signal';
  throw new AppError(
    'BAD_REQUEST',
    `${what} take ${sizeBytes} bytes; at most ${givenSizeBytesMax} are kept. Pass a reference instead`,
  );
}

function ownerUnknown({ instance }: CommandRequest): AppError {
  return new AppError('NOT_OWNER', `the run ${instance} is changing its owner; send the command again in a moment`);
}
