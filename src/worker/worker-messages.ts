/** The worker's subjects: parses what comes in, lets the handlers decide, and answers after the commit. */
import type { z } from 'zod';
import type { ErrorCode, ErrorReply } from '../../schemas/errors.ts';
import type { WorkerId } from '../../schemas/ids.ts';
import {
  cancelSchema,
  offerSchema,
  type pingReplySchema,
  reportAckSchema,
  takeoverSchema,
} from '../../schemas/messages/attempt.messages.ts';
import { workerLogsQuerySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { toErrorReply } from '../errors/app-error.ts';
import type { Log } from '../telemetry/log.ts';
import type { IncomingMessage, MessageHandler, Subscription, Transport } from '../transport/transport.port.ts';
import { type CancelContext, cancelAttempt } from './cancel.handler.ts';
import type { LogsContext } from './logs.handler.ts';
import { LogReader } from './logs.handler.ts';
import { type OfferContext, refused, takeOffer } from './offers.handler.ts';
import { type TakeoverContext, takeOver } from './takeover.handler.ts';

export type WorkerMessagesOptions = {
  worker: WorkerId;
  inbox: string;
  transport: Transport;
  log: Log;
  context: OfferContext & CancelContext & TakeoverContext & LogsContext;
};

export type WorkerMessages = {
  /** Acks first: reports of an earlier life go out before new work is taken. */
  startAcks(): void;
  start(): void;
  /** Takes no more messages. */
  stop(): void;
};

export function createWorkerMessages(options: WorkerMessagesOptions): WorkerMessages {
  const { worker, inbox, transport, context } = options;
  const logs = new LogReader(context);
  const subscriptions: Subscription[] = [];
  const on = (subject: string, handler: MessageHandler): void => {
    subscriptions.push(transport.subscribe(subject, guarded(handler, options)));
  };
  return {
    startAcks: () => on(inbox, (message) => takeAck(message, options)),
    start: () => {
      on(subjects.worker.offer(worker), (message) => answerOffer(message, options));
      on(subjects.worker.cancel(worker), (message) =>
        answer(message, options, { schema: cancelSchema, act: (cancel) => cancelAttempt(cancel, context) }),
      );
      on(subjects.worker.takeover(worker), (message) =>
        answer(message, options, { schema: takeoverSchema, act: (takeover) => takeOver(takeover, context) }),
      );
      on(subjects.worker.logs(worker), (message) => answerLogs(message, options, logs));
      on(subjects.worker.ping(worker), (message) => answerPing(message, options));
    },
    stop: () => {
      for (const subscription of subscriptions.splice(0)) subscription.stop();
    },
  };
}

type PingReply = z.infer<typeof pingReplySchema>;

/** A message must not end the process, whatever it holds. */
function guarded(handler: MessageHandler, options: WorkerMessagesOptions): MessageHandler {
  return (message) => {
    try {
      handler(message);
    } catch (fault) {
      options.log.error({ fault, subject: message.subject }, 'a message failed');
      replyNow(message, options, { error: toErrorReply(fault) });
    }
  };
}

/** A refusal of an offer has a form of its own: masters read `accepted` first. */
function answerOffer(message: IncomingMessage, options: WorkerMessagesOptions): void {
  const parsed = parse(offerSchema, message);
  const reply =
    parsed.kind === 'good' ? takeOffer(parsed.body, options.context) : refused(parsed.error.code, parsed.error.message);
  // A refusal promises nothing: it need not wait for a ledger that cannot be written.
  if (!reply.accepted && options.context.turn.isFailing()) replyNow(message, options, reply);
  else replyAfterCommit(message, options, reply);
}

type Act<T> = { schema: z.ZodType<T>; act: (body: T) => unknown };

function answer<T>(message: IncomingMessage, options: WorkerMessagesOptions, { schema, act }: Act<T>): void {
  const parsed = parse(schema, message);
  replyAfterCommit(message, options, parsed.kind === 'good' ? act(parsed.body) : { error: parsed.error });
}

function replyAfterCommit(message: IncomingMessage, options: WorkerMessagesOptions, body: unknown): void {
  if (message.reply !== undefined) options.context.turn.answerAfterCommit(() => replyNow(message, options, body));
}

function replyNow({ reply: to }: IncomingMessage, { transport }: WorkerMessagesOptions, body: unknown): void {
  if (to !== undefined) transport.publish(to, body);
}

function answerLogs(message: IncomingMessage, options: WorkerMessagesOptions, logs: LogReader): void {
  const parsed = parse(workerLogsQuerySchema, message);
  if (parsed.kind === 'bad') {
    replyNow(message, options, { error: parsed.error });
    return;
  }
  logs.read(parsed.body).then(
    (reply) => replyNow(message, options, reply),
    (fault: unknown) => {
      options.log.warn({ fault, attemptId: parsed.body.attemptId }, 'the output of an attempt cannot be read');
      replyNow(message, options, { error: toErrorReply(fault) });
    },
  );
}

function answerPing(message: IncomingMessage, options: WorkerMessagesOptions): void {
  replyNow(message, options, { incarnation: options.context.incarnation } satisfies PingReply);
}

function takeAck(message: IncomingMessage, { context, log }: WorkerMessagesOptions): void {
  // NATS itself answers without a body when nobody listens: the reports are repeated anyway.
  if (message.body === undefined && message.badJson === undefined) return;
  const parsed = parse(reportAckSchema, message);
  if (parsed.kind === 'good') context.outbox.acked(parsed.body);
  else log.warn({ fault: parsed.error.message }, 'an ack cannot be read; the reports will be repeated');
}

type Parsed<T> = { kind: 'good'; body: T } | { kind: 'bad'; error: ErrorReply & { code: ErrorCode } };

function parse<T>(schema: z.ZodType<T>, { body, badJson }: IncomingMessage): Parsed<T> {
  if (badJson !== undefined) return { kind: 'bad', error: { code: 'BAD_JSON', message: badJson } };
  const result = schema.safeParse(body);
  if (result.success) return { kind: 'good', body: result.data };
  const issues = result.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return { kind: 'bad', error: { code: 'BAD_REQUEST', message: `the message does not fit: ${issues.join('; ')}` } };
}
