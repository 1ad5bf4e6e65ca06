/** Requests and answers of Read, which serves reads and subscriptions of a stream and of $all alike. */
import { type EventFilter, eventFilter, type FilterSubject } from './event-filter.ts';
import { frameMessage } from './event-frame.ts';
import { delimitedField, EMPTY_BYTES, varintField, WireFormatError, WireReader } from './proto-wire.ts';
import { decodeStreamName } from './stream-target.ts';

type ReadDirection = 'forwards' | 'backwards';
/** A revision, a position, or an end of the sequence. */
export type ReadStart = number | 'start' | 'end';

export type ReadRequest = {
  /** Undefined reads $all. */
  readonly streamName: string | undefined;
  readonly start: ReadStart;
  readonly direction: ReadDirection;
  readonly resolveLinks: boolean;
  readonly mode: { readonly kind: 'read'; readonly limit: number } | { readonly kind: 'subscription' };
  readonly filter: EventFilter | undefined;
  readonly uuidForm: 'text' | 'structured';
};

const CHECKPOINT_WINDOW_DEFAULT = 32;

export const decodeReadRequest = (bytes: Buffer): ReadRequest => {
  const request = new WireReader(bytes);
  let decoded: ReadRequest | undefined;
  while (request.next()) {
    if (request.field === 1) decoded = decodeOptions(request.message());
    else request.skip();
  }
  if (decoded === undefined) throw new WireFormatError('the read request has no options');
  return decoded;
};

const decodeOptions = (options: WireReader): ReadRequest => {
  const request: Partial<Writable<ReadRequest>> = {};
  while (options.next()) readOption(options, request);
  if (request.start === undefined) throw new WireFormatError('the read request names neither a stream nor $all');
  return { ...READ_DEFAULTS, ...request, start: request.start };
};

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

const READ_DEFAULTS = {
  streamName: undefined,
  direction: 'forwards',
  resolveLinks: false,
  mode: { kind: 'read', limit: Number.MAX_SAFE_INTEGER },
  filter: undefined,
  uuidForm: 'structured',
} as const;

const readOption = (options: WireReader, request: Partial<Writable<ReadRequest>>): void => {
  switch (options.field) {
    case 1:
      Object.assign(request, decodeStreamOptions(options.message()));
      return;
    case 2:
      Object.assign(request, decodeAllOptions(options.message()));
      return;
    case 3:
      request.direction = options.uint() === 1 ? 'backwards' : 'forwards';
      return;
    case 4:
      request.resolveLinks = options.uint() !== 0;
      return;
    case 5:
      request.mode = { kind: 'read', limit: options.uint() };
      return;
    case 6:
      request.mode = { kind: 'subscription' };
      options.skip();
      return;
    case 7:
      request.filter = decodeFilter(options.message());
      return;
    case 9:
      request.uuidForm = decodeUuidForm(options.message());
      return;
    default:
      options.skip();
  }
};

/** StreamOptions{1 stream_identifier; 2 revision | 3 start | 4 end}. */
const decodeStreamOptions = (message: WireReader): Pick<ReadRequest, 'streamName' | 'start'> => {
  let streamName = '';
  let start: ReadStart = 'start';
  while (message.next()) {
    if (message.field === 1) streamName = decodeStreamName(message.message());
    else if (message.field === 2) start = message.uint();
    else {
      if (message.field === 4) start = 'end';
      message.skip();
    }
  }
  return { streamName, start };
};

/** AllOptions{1 position | 2 start | 3 end}. */
const decodeAllOptions = (message: WireReader): Pick<ReadRequest, 'streamName' | 'start'> => {
  let start: ReadStart = 'start';
  while (message.next()) {
    if (message.field === 1) start = decodePosition(message.message());
    else {
      if (message.field === 3) start = 'end';
      message.skip();
    }
  }
  return { streamName: undefined, start };
};

const decodePosition = (message: WireReader): number => {
  let commit = 0;
  while (message.next()) {
    if (message.field === 1) commit = message.uint();
    else message.skip();
  }
  return Math.min(commit, Number.MAX_SAFE_INTEGER);
};

/** FilterOptions{1 stream | 2 type; 3 max | 4 count; 5 checkpoint multiplier}. */
const decodeFilter = (message: WireReader): EventFilter => {
  let subject: FilterSubject = 'streamName';
  let expression = { regex: '', prefixes: [] as string[] };
  let window = CHECKPOINT_WINDOW_DEFAULT;
  let multiplier = 1;
  while (message.next()) {
    if (message.field === 1 || message.field === 2) {
      subject = message.field === 1 ? 'streamName' : 'eventType';
      expression = decodeExpression(message.message());
    } else if (message.field === 3) window = message.uint();
    else if (message.field === 5) multiplier = message.uint();
    else message.skip();
  }
  return eventFilter({ subject, ...expression, checkpointEveryCount: Math.max(1, window * Math.max(1, multiplier)) });
};

const decodeExpression = (message: WireReader): { regex: string; prefixes: string[] } => {
  const expression = { regex: '', prefixes: [] as string[] };
  while (message.next()) {
    if (message.field === 1) expression.regex = message.text();
    else if (message.field === 2) expression.prefixes.push(message.text());
    else message.skip();
  }
  return expression;
};

const decodeUuidForm = (message: WireReader): ReadRequest['uuidForm'] => {
  let form: ReadRequest['uuidForm'] = 'structured';
  while (message.next()) {
    if (message.field === 2) form = 'text';
    message.skip();
  }
  return form;
};

export const encodeConfirmation = (subscriptionId: string): Buffer =>
  frameMessage(delimitedField(2, delimitedField(1, subscriptionId)));

export const encodeCheckpoint = (position: number): Buffer =>
  frameMessage(delimitedField(3, Buffer.concat([varintField(1, position), varintField(2, position)])));

export const encodeStreamNotFound = (streamName: string): Buffer =>
  frameMessage(delimitedField(4, delimitedField(1, delimitedField(3, streamName))));

export const CAUGHT_UP_FRAME: Buffer = frameMessage(delimitedField(8, EMPTY_BYTES));
