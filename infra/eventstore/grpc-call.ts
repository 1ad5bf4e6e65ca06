/**
 * One gRPC call on an HTTP/2 stream: cuts the incoming bytes into messages, writes framed messages, ends with a status.
 *
 * Invariants:
 * I1. A call ends once; what happens to it afterwards is ignored.
 * I2. `onClose` runs exactly once, whether the call was ended here or given up by the peer.
 * I3. After `write` has returned false nothing should be written until `onDrain`.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { encodeStatusMessage, GRPC_CODE, type GrpcStatus, invalidArgument, STATUS_OK } from './grpc-status.ts';
import { EMPTY_BYTES } from './proto-wire.ts';

const HEADER_SIZE_BYTES = 5;
const RECEIVED_MESSAGE_SIZE_BYTES_MAX = 20 * 1024 * 1024;
const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': 'identity' };
const TIMEOUT_UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

export class GrpcCall {
  /** Wall-clock time from the `grpc-timeout` header. */
  readonly deadlineAtMs: number | undefined;
  onMessage: (message: Buffer) => void = ignore;
  onHalfClose: () => void = ignore;
  onDrain: () => void = ignore;
  onClose: () => void = ignore;
  private readonly stream: ServerHttp2Stream;
  /** What has arrived of messages that are not whole yet. */
  private received: Buffer[] = [];
  private receivedSizeBytes = 0;
  private awaitedSizeBytes = HEADER_SIZE_BYTES;
  private isEnded = false;
  private isBlocked = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.deadlineAtMs = deadlineOf(headers['grpc-timeout']);
    stream.on('data', (chunk: Buffer) => this.receive(chunk));
    stream.on('end', () => !this.isEnded && this.onHalfClose());
    stream.on('drain', () => this.drained());
    stream.on('error', ignore); // A broken stream also closes; there is nobody left to tell.
    stream.on('close', () => this.closed());
  }

  get isOpen(): boolean {
    return !this.isEnded;
  }

  /** Whether a write now would only pile up in memory. */
  get isBacklogged(): boolean {
    return this.isBlocked;
  }

  /** The address the client has reached this node at. */
  get localHost(): string {
    return this.stream.session?.socket.localAddress ?? '127.0.0.1';
  }

  /** Sends framed messages; false when the peer does not keep up (I3). */
  write(frames: Buffer): boolean {
    if (this.isEnded) return false;
    this.sendHeaders();
    this.isBlocked = !this.stream.write(frames);
    return !this.isBlocked;
  }

  end(status: GrpcStatus = STATUS_OK): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.keep(EMPTY_BYTES);
    if (this.stream.destroyed) return;
    const trailers = trailersOf(status);
    if (!this.stream.headersSent) {
      this.stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
      return;
    }
    this.stream.once('wantTrailers', () => this.stream.sendTrailers(trailers));
    this.stream.end();
  }

  /** Sends the headers ahead of the first message: subscribers wait for them. */
  sendHeaders(): void {
    if (this.stream.headersSent || this.stream.destroyed) return;
    this.stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  private receive(chunk: Buffer): void {
    if (this.isEnded) return;
    this.receivedSizeBytes += chunk.length;
    this.received.push(chunk);
    if (this.receivedSizeBytes < this.awaitedSizeBytes) return;
    const [first] = this.received;
    this.keep(this.deliverFrom(this.received.length === 1 && first ? first : Buffer.concat(this.received)));
  }

  /** Delivers the whole messages and returns the beginning of the next one. */
  private deliverFrom(received: Buffer): Buffer {
    let bytes = received;
    this.awaitedSizeBytes = HEADER_SIZE_BYTES;
    while (bytes.length >= HEADER_SIZE_BYTES && !this.isEnded) {
      const sizeBytes = bytes.readUInt32BE(1);
      if (!this.isAcceptable(bytes[0] as number, sizeBytes)) break;
      const end = HEADER_SIZE_BYTES + sizeBytes;
      if (bytes.length < end) {
        this.awaitedSizeBytes = end;
        break;
      }
      this.deliver(bytes.subarray(HEADER_SIZE_BYTES, end));
      bytes = bytes.subarray(end);
    }
    return this.isEnded ? EMPTY_BYTES : bytes;
  }

  private keep(rest: Buffer): void {
    this.received = rest.length === 0 ? [] : [rest];
    this.receivedSizeBytes = rest.length;
  }

  private isAcceptable(flag: number, sizeBytes: number): boolean {
    if (flag !== 0) this.end({ code: GRPC_CODE.unimplemented, message: 'Compressed messages are not supported.' });
    else if (sizeBytes > RECEIVED_MESSAGE_SIZE_BYTES_MAX) {
      const message = `A message of ${sizeBytes} bytes exceeds the limit of ${RECEIVED_MESSAGE_SIZE_BYTES_MAX}.`;
      this.end({ code: GRPC_CODE.resourceExhausted, message });
    } else return true;
    return false;
  }

  /** What a handler cannot read is the caller's mistake; the other calls go on. */
  private deliver(message: Buffer): void {
    try {
      this.onMessage(message);
    } catch (error) {
      this.end(invalidArgument(error instanceof Error ? error.message : String(error)));
    }
  }

  private drained(): void {
    this.isBlocked = false;
    if (!this.isEnded) this.onDrain();
  }

  private closed(): void {
    this.isEnded = true;
    this.onClose();
    this.onClose = ignore;
  }
}

const ignore = (): void => {};

const trailersOf = (status: GrpcStatus): Record<string, string> => ({
  'grpc-status': String(status.code),
  ...(status.message === '' ? {} : { 'grpc-message': encodeStatusMessage(status.message) }),
  ...status.trailers,
});

const deadlineOf = (header: string | string[] | undefined): number | undefined => {
  const match = typeof header === 'string' ? /^(\d{1,8})([HMSmun])$/.exec(header) : null;
  if (match === null) return undefined;
  return Date.now() + Number(match[1]) * (TIMEOUT_UNITS_MS[match[2] as string] as number);
};
