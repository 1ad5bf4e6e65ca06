/** What every journal checks before it writes: ids are UUIDs, bodies are JSON, the whole is not too large. */
import { AppError } from '../errors/app-error.ts';
import type { NewEvent } from './journal.port.ts';

export type EventTexts = { dataText: string; metadataText: string };

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** @throws AppError INTERNAL: the event was built wrongly; no store could take it. */
export function writeEventTexts(event: NewEvent): EventTexts {
  if (!uuidPattern.test(event.id)) throw badEvent(event, 'its id is no UUID');
  if (event.type === '') throw badEvent(event, 'its type is empty');
  return { dataText: toJsonObject(event, event.data), metadataText: toJsonObject(event, event.metadata) };
}

/** Size as the store counts it: bytes of the bodies and two for each character of the type. */
export function appendSizeBytes(event: NewEvent, texts: EventTexts): number {
  return Buffer.byteLength(texts.dataText) + Buffer.byteLength(texts.metadataText) + 2 * event.type.length;
}

export function appendTooLarge(stream: string, sizes: { foundBytes: number | undefined; maxBytes: number }): AppError {
  const found = sizes.foundBytes === undefined ? 'more' : `${sizes.foundBytes} bytes`;
  return new AppError(
    'APPEND_TOO_LARGE',
    `An append to "${stream}" may have ${sizes.maxBytes} bytes and has ${found}; write fewer or smaller events.`,
    { details: { stream, sizeBytesMax: sizes.maxBytes } },
  );
}

function toJsonObject(event: NewEvent, body: object): string {
  if (typeof body !== 'object' || body === null) throw badEvent(event, 'its body is no object');
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw badEvent(event, 'its body is not plain JSON', cause);
  }
}

function badEvent(event: NewEvent, fault: string, cause?: unknown): AppError {
  return new AppError('INTERNAL', `The event ${event.type} "${event.id}" cannot be written: ${fault}.`, { cause });
}
