/**
 * `nats`: publishes a message, or asks a question whose answer is an output. A message carries the idempotency key of the
 * task, also as `Nats-Msg-Id`: a stream of JetStream keeps it once however often it is tried.
 */
import type { ErrorCode } from '../../../schemas/errors.ts';
import { type JsonValue, jsonValueSchema } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import { attemptScope, filledText } from '../attempt-scope.ts';
import { fillBody } from '../http/http-template.ts';
import { createPromisedTaskType } from '../promised-task.ts';
import { settingsOf } from '../settings-of.ts';
import { tooLarge } from '../shell-outputs.ts';
import type { AttemptContext, AttemptResult, TaskType } from '../task-type.port.ts';
import { type NatsMessage, publishOnce, requestOnce } from './nats-exchange.ts';

const keyHeaders = ['Idempotency-Key', 'Nats-Msg-Id'];
const subjectPattern = /^[^\s.*>]+(\.[^\s.*>]+)*$/;

export const natsTaskType: TaskType = createPromisedTaskType('nats', perform);

async function perform(context: AttemptContext, signal: AbortSignal): Promise<AttemptResult> {
  try {
    const message = messageOf(context);
    if (settingsOf(context.offer, 'nats').action === 'publish') {
      await publishOnce(message, signal);
      return { kind: 'succeeded', outputs: {} };
    }
    const { text, headers } = await requestOnce(message, signal);
    const sizeBytes = Buffer.byteLength(text);
    if (sizeBytes > context.outputSizeBytesMax) return tooLarge(sizeBytes, context.outputSizeBytesMax);
    return { kind: 'succeeded', outputs: { answer: answerOf(text), headers } };
  } catch (fault) {
    return failedBy(fault);
  }
}

function messageOf({ offer, secrets }: AttemptContext): NatsMessage {
  const settings = settingsOf(offer, 'nats');
  const scope = attemptScope(offer, { secretOf: secrets.find });
  const subject = filledText(settings.subject, scope);
  if (!subjectPattern.test(subject)) {
    throw new AppError('NATS_TASK_FAILED', `expected a subject without wildcards and spaces, found "${subject}"`);
  }
  const written = Object.entries(settings.headers).map(([name, value]) => [name, filledText(value, scope)]);
  return {
    server: filledText(settings.server, scope),
    subject,
    headers: { ...keysOf(offer.idempotencyKey), ...Object.fromEntries(written) },
    payload: fillBody(settings.payload, scope),
    timeoutMs: settings.timeoutMs,
  };
}

function keysOf(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : Object.fromEntries(keyHeaders.map((name) => [name, key]));
}

/** JSON where it is JSON, else text. */
function answerOf(text: string): JsonValue {
  try {
    return jsonValueSchema.parse(JSON.parse(text));
  } catch {
    return text;
  }
}

function failedBy(fault: unknown): AttemptResult {
  if (fault instanceof AppError) return failed(fault.code, fault.message);
  const { message, code } = fault as Error & { code?: string };
  const found = sayings[code ?? ''] ?? message;
  return failed('NATS_TASK_FAILED', `expected that the message is taken and answered, found: ${found}`);
}

/** The library says no more than a code. */
const sayings: Readonly<Record<string, string>> = {
  '503': 'nobody listens on that subject',
  TIMEOUT: 'no answer in time',
  CONNECTION_REFUSED: 'no server at that address',
  AUTHORIZATION_VIOLATION: 'the server does not let this user in',
};

function failed(code: ErrorCode, message: string): AttemptResult {
  return { kind: 'failed', fault: { code, message } };
}
