/** A request whose failure to be sent is one more way of getting no answer: for loops that ask again anyway. */
import type { RequestResult, Transport } from './transport.port.ts';

/** Like `request`, but `timeout` also stands for a message that could not be sent. */
export async function tryRequest(
  transport: Transport,
  subject: string,
  body: unknown,
  options: { timeoutMs: number },
): Promise<RequestResult> {
  try {
    return await transport.request(subject, body, options);
  } catch {
    return { kind: 'timeout' };
  }
}
