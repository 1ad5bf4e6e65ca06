/** A fault with a code of the catalogue. Expected outcomes are values; this is thrown for the rest. */
import { type ErrorCode, type ErrorReply, errorCatalogue } from '../../schemas/errors.ts';
import type { JsonRecord } from '../../schemas/json.ts';

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: JsonRecord | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: JsonRecord; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details;
  }

  get isRetryable(): boolean {
    return errorCatalogue[this.code].retry;
  }
}

/** What a user is told of a fault: never a stack trace. */
export function toErrorReply(fault: unknown): ErrorReply {
  if (fault instanceof AppError) {
    return {
      code: fault.code,
      message: fault.message,
      ...(fault.details === undefined ? {} : { details: fault.details }),
    };
  }
  return {
    code: 'INTERNAL',
    message: 'A fault of Millrace itself. The log of the process has more; please report it.',
  };
}
