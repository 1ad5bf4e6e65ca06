/** A request whose failure to be sent is one more way of getting no answer: for loops that ask again anyway. */
import { AppError } from '../errors/app-error.ts';
import type { RequestResult, Transport } from './transport.port.ts';

export type TriedRequest = RequestResult | { kind: 'unsendable'; message: string };

/**
 * Like `request`, but `timeout` also stands for a message that could not be sent now. `unsendable`: it never can, since it is
 * larger than NATS takes.
 */
export async function tryRequest(
  transport: Transport,
  subject: string,
  body: unknown,
  options: { timeoutMs: number },
): Promise<TriedRequest> {
  try {
    return await transport.request(subject, body, options);
  } catch (fault) {
    if (fault instanceof AppError && fault.code === 'BAD_REQUEST')
      return { kind: 'unsendable', message: fault.message };
    return { kind: 'timeout' };
  }
}
