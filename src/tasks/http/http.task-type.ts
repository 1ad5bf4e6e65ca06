/**
 * `http`: one request; status and body of the response are the outputs. Redirects are followed five times at most,
 * only to http and https, never from https to http; credentials stay with the origin they were meant for. The library's own
 * limits apply: 300 s until the headers come, and 300 s between parts of the body.
 */
import type { HttpSettings } from '../../../schemas/definition/task-settings.ts';
import type { ErrorCode } from '../../../schemas/errors.ts';
import { type JsonValue, jsonValueSchema } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import { attemptScope, filledText } from '../attempt-scope.ts';
import { createPromisedTaskType } from '../promised-task.ts';
import { settingsOf } from '../settings-of.ts';
import { tooLarge } from '../shell-outputs.ts';
import type { AttemptContext, AttemptResult, TaskType } from '../task-type.port.ts';
import { fillBody, fillUrl } from './http-template.ts';

const redirectCountMax = 5;
/** Of a response with an unexpected status, so much goes to the attempt's log. */
const loggedBodySizeBytesMax = 4_096;
const keyHeader = 'idempotency-key';
const redirectStatuses = new Set([301, 302, 303, 307, 308]);
const credentialHeaders = ['authorization', 'cookie', 'proxy-authorization'];

export const httpTaskType: TaskType = createPromisedTaskType('http', perform);

type HttpRequest = { method: HttpSettings['method']; url: URL; headers: Headers; body: string | undefined };

async function perform(context: AttemptContext, signal: AbortSignal): Promise<AttemptResult> {
  try {
    const settings = settingsOf(context.offer, 'http');
    const response = await follow(requestOf(settings, context), signal);
    return await resultOf(context, settings, response);
  } catch (fault) {
    if (fault instanceof AppError) return failed(fault.code, fault.message);
    const { message, cause } = fault as Error;
    const why = cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
    return failed('HTTP_REQUEST_FAILED', `expected a response, found: ${why}`);
  }
}

function requestOf(settings: HttpSettings, { offer, secrets }: AttemptContext): HttpRequest {
  const scope = attemptScope(offer, { secretOf: secrets.find });
  const headers = new Headers();
  for (const [name, value] of Object.entries(settings.headers)) headers.set(name, filledText(value, scope));
  const { idempotencyKey } = offer;
  // Asking twice changes nothing in the first place.
  const isQuestion = settings.method === 'GET' || settings.method === 'HEAD';
  if (!isQuestion && idempotencyKey !== undefined && !headers.has(keyHeader)) headers.set(keyHeader, idempotencyKey);
  const url = new URL(fillUrl(settings.url, scope));
  if (!isHttp(url)) throw new AppError('HTTP_REQUEST_FAILED', `expected an http or https URL, found ${url.protocol}`);
  const body = settings.body === undefined ? undefined : fillBody(settings.body, scope);
  return { method: settings.method, url, headers, body };
}

async function follow(first: HttpRequest, signal: AbortSignal): Promise<Response> {
  let request = first;
  for (let redirectCount = 0; ; redirectCount++) {
    const { method, headers, body = null } = request;
    const response = await fetch(request.url, { method, headers, body, signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!redirectStatuses.has(response.status) || location === null) return response;
    await response.body?.cancel();
    if (redirectCount === redirectCountMax) {
      throw new AppError('HTTP_REQUEST_FAILED', `expected at most ${redirectCountMax} redirects, found more`);
    }
    request = redirected(request, response.status, new URL(location, request.url));
  }
}

function redirected(request: HttpRequest, status: number, url: URL): HttpRequest {
  if (!isHttp(url) || (request.url.protocol === 'https:' && url.protocol === 'http:')) {
    const found = `${request.url.protocol}// to ${url.protocol}//`;
    throw new AppError('HTTP_REQUEST_FAILED', `expected a redirect that keeps http or https, found one from ${found}`);
  }
  const headers = new Headers(request.headers);
  if (url.origin !== request.url.origin) for (const name of credentialHeaders) headers.delete(name);
  const turnsToGet = status === 303 ? request.method !== 'HEAD' : status < 303 && request.method === 'POST';
  if (!turnsToGet) return { ...request, url, headers };
  headers.delete('content-type');
  return { method: 'GET', url, headers, body: undefined };
}

async function resultOf(context: AttemptContext, settings: HttpSettings, response: Response): Promise<AttemptResult> {
  const { status } = response;
  if (!isExpected(status, settings.expectStatus)) {
    const { bytes } = await readBody(response, loggedBodySizeBytesMax);
    context.writeLog(bytes.subarray(0, loggedBodySizeBytesMax));
    const expected = settings.expectStatus.join(' or ');
    return failed('HTTP_STATUS_UNEXPECTED', `expected status ${expected}, found ${status}; the log has its body`);
  }
  const { bytes, isWhole } = await readBody(response, context.outputSizeBytesMax);
  if (!isWhole) return tooLarge(bytes.length, context.outputSizeBytesMax);
  const type = response.headers.get('content-type') ?? '';
  return { kind: 'succeeded', outputs: { status, body: bodyOf(bytes, type) } };
}

/** Reads on until the body exceeds the limit, and no further. */
async function readBody(response: Response, sizeBytesMax: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > sizeBytesMax) return { bytes: Buffer.concat(chunks), isWhole: false }; // Leaving the loop cancels.
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}

function bodyOf(bytes: Buffer, contentType: string): JsonValue {
  const text = bytes.toString('utf8');
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType) || text === '') return text;
  try {
    return jsonValueSchema.parse(JSON.parse(text));
  } catch {
    throw new AppError('OUTPUT_INVALID', `expected JSON in a response of type ${contentType}, found something else`);
  }
}

function isExpected(status: number, patterns: string[]): boolean {
  return patterns.some((pattern) => pattern === String(status) || pattern === `${Math.trunc(status / 100)}xx`);
}

function isHttp(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}

function failed(code: ErrorCode, message: string): AttemptResult {
  return { kind: 'failed', fault: { code, message } };
}
