/**
 * The protobuf wire format: varints, tags and length-delimited fields, and nothing else.
 * 64-bit integers are plain numbers here: exact up to 2^53, merely "very large" above it, which every caller
 * treats as beyond any revision or position in use.
 */

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;
const VARINT_BYTES_MAX = 10;

/** The bytes are no valid protobuf message. */
export class WireFormatError extends Error {
  override readonly name = 'WireFormatError';
}

/** Reads the fields of one message in order: `while (reader.next()) switch (reader.field) ...`. */
export class WireReader {
  field = 0;
  private wireType = 0;
  private offset: number;
  private readonly bytes: Buffer;
  private readonly end: number;

  constructor(bytes: Buffer, offset = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.offset >= this.end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag & 7;
    if (this.field === 0) throw new WireFormatError('a field has the number 0');
    return true;
  }

  /** The current field as an unsigned number; a negative one comes out above 2^63. */
  uint(): number {
    if (this.wireType !== VARINT) throw new WireFormatError(`field ${this.field} is not a varint`);
    return this.varint();
  }

  /** The current field as a signed 64-bit integer, exact. */
  int64(): bigint {
    if (this.wireType !== VARINT) throw new WireFormatError(`field ${this.field} is not a varint`);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new WireFormatError('a varint is longer than ten bytes');
  }

  /** The current field's bytes, not copied. */
  delimited(): Buffer {
    const start = this.enter();
    return this.bytes.subarray(start, this.offset);
  }

  text(): string {
    const start = this.enter();
    return this.bytes.toString('utf8', start, this.offset);
  }

  /** A reader of the current field, which is itself a message. */
  message(): WireReader {
    const start = this.enter();
    return new WireReader(this.bytes, start, this.offset);
  }

  skip(): void {
    if (this.wireType === VARINT) this.varint();
    else if (this.wireType === DELIMITED) this.enter();
    else if (this.wireType === FIXED64) this.advance(8);
    else if (this.wireType === FIXED32) this.advance(4);
    else throw new WireFormatError(`wire type ${this.wireType} is unknown`);
  }

  /** Steps over a delimited field and returns where its content starts. */
  private enter(): number {
    if (this.wireType !== DELIMITED) throw new WireFormatError(`field ${this.field} is not length-delimited`);
    const sizeBytes = this.varint();
    const start = this.offset;
    this.advance(sizeBytes);
    return start;
  }

  private advance(sizeBytes: number): void {
    this.offset += sizeBytes;
    if (this.offset > this.end) throw new WireFormatError('the message ends inside a field');
  }

  private varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      const byte = this.byte();
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    throw new WireFormatError('a varint is longer than ten bytes');
  }

  private byte(): number {
    if (this.offset >= this.end) throw new WireFormatError('the message ends inside a number');
    return this.bytes[this.offset++] as number;
  }
}

export const varintSizeBytes = (value: number): number => {
  let sizeBytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) sizeBytes++;
  return sizeBytes;
};

/** Writes a number of at most 2^53 and returns the offset behind it. */
export const writeVarint = (target: Buffer, offset: number, value: number): number => {
  let at = offset;
  let rest = value;
  while (rest >= 0x80000000) {
    target[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
};

/** Size of a delimited field with a tag of one byte. */
export const delimitedSizeBytes = (contentSizeBytes: number): number =>
  1 + varintSizeBytes(contentSizeBytes) + contentSizeBytes;

/** One delimited field, allocated: for messages off the hot path. */
export const delimitedField = (field: number, content: Buffer | string): Buffer => {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  return Buffer.concat([varintBytes(field * 8 + DELIMITED), varintBytes(bytes.length), bytes]);
};

/** One varint field, allocated. */
export const varintField = (field: number, value: number): Buffer =>
  Buffer.concat([varintBytes(field * 8 + VARINT), varintBytes(value)]);

/** One varint field that holds a signed 64-bit integer. */
export const int64Field = (field: number, value: bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.concat([varintBytes(field * 8 + VARINT), Buffer.from(bytes)]);
};

export const EMPTY_BYTES: Buffer = Buffer.alloc(0);

const varintBytes = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(varintSizeBytes(value));
  writeVarint(bytes, 0, value);
  return bytes;
};
