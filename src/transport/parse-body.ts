/** The border: what comes in is parsed once with its schema, and refused with a sentence that helps (I10). */
import type { z } from 'zod';
import { AppError, toErrorReply } from '../errors/app-error.ts';
import type { IncomingMessage, Transport } from './transport.port.ts';

const issuesMax = 10;

/** @throws AppError BAD_REQUEST naming each field: what was expected, what came. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, issuesMax).map(({ path, message }) => {
    const place = path.length === 0 ? 'the message' : path.join('.');
    return `${place}: ${message}`;
  });
  throw new AppError('BAD_REQUEST', `${what} does not fit: ${issues.join('; ')}`, { details: { issues } });
}

/** Answers a request with what the handler gives, or with the error that it throws. Never throws itself. */
export function answerWith(
  transport: Transport,
  handle: (message: IncomingMessage) => Promise<unknown>,
  onFault: (fault: unknown, message: IncomingMessage) => void,
): (message: IncomingMessage) => void {
  return (message) => {
    const reply = (body: unknown): void => {
      if (message.reply !== undefined) transport.publish(message.reply, body);
    };
    if (message.badJson !== undefined) {
      reply({ code: 'BAD_JSON', message: `the message on ${message.subject} is not JSON: ${message.badJson}` });
      return;
    }
    handle(message).then(reply, (fault: unknown) => {
      onFault(fault, message);
      reply(toErrorReply(fault));
    });
  };
}
