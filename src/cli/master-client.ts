/** The questions and commands of a user, each parsed at the border. Every request is idempotent, so it may be repeated. */
import { z } from 'zod';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import {
  clusterReplySchema,
  type DefinitionReply,
  definitionReplySchema,
  definitionsReplySchema,
  eventsQuerySchema,
  eventsReplySchema,
  type ItemsReply,
  itemsQuerySchema,
  itemsReplySchema,
  type LogsReply,
  logsQuerySchema,
  logsReplySchema,
  type Receipt,
  type RegisterReceipt,
  type RunReply,
  receiptSchema,
  registerReceiptSchema,
  runReplySchema,
  runsQuerySchema,
  runsReplySchema,
  type SubmitRequest,
} from '../../schemas/messages/client.messages.ts';
import {
  type CommandReceipt,
  type CommandRequest,
  commandReceiptSchema,
} from '../../schemas/messages/command.messages.ts';
import {
  actorEventsQuerySchema,
  type GroupsReply,
  groupsReplySchema,
  type OperationsReply,
  operationsReplySchema,
} from '../../schemas/messages/concurrency.messages.ts';
import { type WhyReply, whyQuerySchema, whyReplySchema } from '../../schemas/messages/explanation.messages.ts';
import { subjects, type TaskGroupOperation } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { RequestResult, Transport } from '../transport/transport.port.ts';
import { limits } from './limits.ts';
import { pause } from './pause.ts';

type RunsReply = z.infer<typeof runsReplySchema>;
type EventsReply = z.infer<typeof eventsReplySchema>;
export type DefinitionsReply = z.infer<typeof definitionsReplySchema>;
type ClusterReply = z.infer<typeof clusterReplySchema>;

/** Each throws AppError with the code of the refusal, or NO_RESPONDERS, REQUEST_TIMEOUT, NATS_UNAVAILABLE. */
export type MasterClient = {
  submit(workflow: WorkflowName, request: SubmitRequest): Promise<Receipt>;
  register(definition: WorkflowDefinition): Promise<RegisterReceipt>;
  command(request: CommandRequest): Promise<CommandReceipt>;
  runs(query: z.input<typeof runsQuerySchema>): Promise<RunsReply>;
  /** @param can also which commands are possible */
  run(instance: InstanceId, can?: boolean): Promise<RunReply>;
  items(query: z.input<typeof itemsQuerySchema>): Promise<ItemsReply>;
  why(query: z.input<typeof whyQuerySchema>): Promise<WhyReply>;
  events(query: z.input<typeof eventsQuerySchema>): Promise<EventsReply>;
  logs(query: z.input<typeof logsQuerySchema>): Promise<LogsReply>;
  definitions(): Promise<DefinitionsReply>;
  definition(name: WorkflowName, version: number): Promise<DefinitionReply>;
  cluster(): Promise<ClusterReply>;
  group(operation: TaskGroupOperation, body: object): Promise<GroupsReply>;
  operate(body: object): Promise<OperationsReply>;
  actorEvents(query: z.input<typeof actorEventsQuerySchema>): Promise<EventsReply>;
};

export type MasterClientDeps = {
  transport: Transport;
  clock: Clock;
  ids: IdSource;
  signal: AbortSignal;
  /** For sentences: where the cluster was looked for. */
  address: string;
};

type Question<T> = { subject: string; body: unknown; reply: z.ZodType<T>; timeoutMs?: number };

const repeatedCodes: readonly string[] = ['NOT_OWNER', 'SHUTTING_DOWN', 'REQUEST_TIMEOUT'];

export function createMasterClient(deps: MasterClientDeps): MasterClient {
  const ask = <T>(question: Question<T>): Promise<T> => askRepeatedly(deps, question);
  return {
    submit: (workflow, body) => ask({ subject: subjects.submit(workflow), body, reply: receiptSchema }),
    register: (definition) => ask({ subject: subjects.register, body: { definition }, reply: registerReceiptSchema }),
    command: (body) => ask({ subject: subjects.command, body, reply: commandReceiptSchema }),
    runs: (query) =>
      ask({ subject: subjects.query('runs'), body: runsQuerySchema.parse(query), reply: runsReplySchema }),
    run: (instance, can = false) =>
      ask({ subject: subjects.query('run'), body: { instance, ...(can ? { can } : {}) }, reply: runReplySchema }),
    items: (query) =>
      ask({ subject: subjects.query('items'), body: itemsQuerySchema.parse(query), reply: itemsReplySchema }),
    why: (query) => ask({ subject: subjects.query('why'), body: whyQuerySchema.parse(query), reply: whyReplySchema }),
    events: (query) =>
      ask({ subject: subjects.query('events'), body: eventsQuerySchema.parse(query), reply: eventsReplySchema }),
    logs: (query) =>
      ask({
        subject: subjects.query('logs'),
        body: logsQuerySchema.parse(query),
        reply: logsReplySchema,
        timeoutMs: limits.requestTimeoutMs + (query.waitMs ?? 0),
      }),
    definitions: () => ask({ subject: subjects.query('definitions'), body: {}, reply: definitionsReplySchema }),
    definition: (name, version) =>
      ask({ subject: subjects.query('definition'), body: { name, version }, reply: definitionReplySchema }),
    cluster: () => ask({ subject: subjects.query('cluster'), body: {}, reply: clusterReplySchema }),
    group: (operation, body) => ask({ subject: subjects.taskGroup(operation), body, reply: groupsReplySchema }),
    operate: (body) => ask({ subject: subjects.operations, body, reply: operationsReplySchema }),
    actorEvents: (query) =>
      ask({ subject: subjects.actorEvents, body: actorEventsQuerySchema.parse(query), reply: eventsReplySchema }),
  };
}

async function askRepeatedly<T>(deps: MasterClientDeps, question: Question<T>): Promise<T> {
  for (let tryNumber = 1; ; tryNumber += 1) {
    try {
      return await askOnce(deps, question);
    } catch (fault) {
      const mayRepeat = fault instanceof AppError && repeatedCodes.includes(fault.code);
      if (!mayRepeat || tryNumber >= limits.requestTriesMax) throw fault;
    }
    const delayMs = limits.requestRetryDelayMs * 2 ** (tryNumber - 1) * (0.5 + deps.ids.random());
    await pause(deps.clock, delayMs, deps.signal);
  }
}

async function askOnce<T>(deps: MasterClientDeps, question: Question<T>): Promise<T> {
  const timeoutMs = question.timeoutMs ?? limits.requestTimeoutMs;
  const result = await deps.transport.request(question.subject, question.body, { timeoutMs, signal: deps.signal });
  deps.signal.throwIfAborted();
  if (result.kind === 'answer') return parsedAnswer(question, result.body);
  throw unanswered(deps, result, timeoutMs);
}

function parsedAnswer<T>(question: Question<T>, body: unknown): T {
  const parsed = question.reply.safeParse(body);
  if (parsed.success) return parsed.data;
  const refusal = errorReplySchema.safeParse(body);
  if (refusal.success) {
    const { code, message, details } = refusal.data;
    throw new AppError(code, message, details === undefined ? {} : { details });
  }
  throw new AppError(
    'INTERNAL',
    `The answer on ${question.subject} does not fit its schema; is the master of another version? ${z.prettifyError(parsed.error)}`,
  );
}

function unanswered(
  deps: MasterClientDeps,
  result: Exclude<RequestResult, { kind: 'answer' }>,
  timeoutMs: number,
): AppError {
  if (deps.transport.status() === 'away') {
    return new AppError('NATS_UNAVAILABLE', `The connection to NATS at ${deps.address} is lost.`);
  }
  if (result.kind === 'noResponders') {
    return new AppError(
      'NO_RESPONDERS',
      `NATS answers at ${deps.address}, but no master does. Start one with "millrace master" (or all in one with "millrace dev").`,
    );
  }
  return new AppError(
    'REQUEST_TIMEOUT',
    `No master answered within ${timeoutMs / 1_000} s, ${limits.requestTriesMax} times; the request may still have been done.`,
  );
}
