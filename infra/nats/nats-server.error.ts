/** The one error type of the NATS launcher: what went wrong as a code, and what the reader can do about it. */

export type NatsServerErrorCode =
  | 'nats-server-not-found'
  | 'nats-server-unusable'
  | 'nats-server-not-ready'
  | 'nats-port-taken'
  | 'nats-data-folder-held'
  | 'nats-server-gave-up';

/** A fault of the embedded NATS server. `remedy` is one sentence for a person; the message ends with it. */
export class NatsServerError extends Error {
  readonly code: NatsServerErrorCode;
  readonly remedy: string;

  constructor(code: NatsServerErrorCode, problem: string, options: { remedy: string; cause?: unknown }) {
    super(`${problem} ${options.remedy}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NatsServerError';
    this.code = code;
    this.remedy = options.remedy;
  }
}
