/** Event ids: text is the stored form; the structured form of two 64-bit halves is converted at the border. */
import { delimitedField, int64Field, type WireReader } from './proto-wire.ts';

export const UUID_TEXT_SIZE_BYTES = 36;
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const KEY_HIGH_LIMIT = 0x100000;

/** The text of a UUID message in lower case, or undefined when it is empty, malformed or nil. */
export const decodeUuid = (message: WireReader): string | undefined => {
  let text: string | undefined;
  while (message.next()) {
    if (message.field === 2) text = message.text();
    else if (message.field === 1) text = structuredToText(message.message());
    else message.skip();
  }
  if (text === undefined || text === NIL_UUID || !UUID_PATTERN.test(text)) return undefined;
  return text.toLowerCase();
};

/** A UUID message in the structured form. */
export const encodeStructuredUuid = (text: string): Buffer => {
  const hex = text.replaceAll('-', '');
  const mostSignificant = BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`));
  const leastSignificant = BigInt.asIntN(64, BigInt(`0x${hex.slice(16)}`));
  return delimitedField(1, Buffer.concat([int64Field(1, mostSignificant), int64Field(2, leastSignificant)]));
};

/**
 * A negative key of 52 bits for the index of event ids; revisions use the keys from 0 up. All characters take part,
 * so that ids that share their beginning or their end still spread.
 */
export const eventIdKey = (text: string): number => {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x5bd1e995);
    high ^= high >>> 15;
  }
  return -((low >>> 0) + ((high >>> 0) % KEY_HIGH_LIMIT) * 0x100000000) - 1;
};

const structuredToText = (message: WireReader): string => {
  let mostSignificant = 0n;
  let leastSignificant = 0n;
  while (message.next()) {
    if (message.field === 1) mostSignificant = message.int64();
    else if (message.field === 2) leastSignificant = message.int64();
    else message.skip();
  }
  const hex = [mostSignificant, leastSignificant]
    .map((half) => BigInt.asUintN(64, half).toString(16).padStart(16, '0'))
    .join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};
