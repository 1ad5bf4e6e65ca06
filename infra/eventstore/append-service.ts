/** The calls that write: Append, BatchAppend, Delete and Tombstone. */
import {
  type BatchAppendMessage,
  decodeAppendRequest,
  decodeBatchAppendRequest,
  encodeAppendResponse,
  encodeBatchAppendResponse,
  type ReceivedEvent,
} from './append-codec.ts';
import { type AppendOutcome, MAX_APPEND_SIZE_BYTES } from './append-outcome.ts';
import type { CommitQueue } from './commit-queue.ts';
import { frameMessage } from './event-frame.ts';
import { appendSizeBytes, type EventWriter } from './event-writer.ts';
import type { GrpcCall } from './grpc-call.ts';
import type { GrpcHandler } from './grpc-server.ts';
import { GRPC_CODE, invalidArgument, statusOfRejection, unavailable } from './grpc-status.ts';
import { delimitedField, varintField, WireReader } from './proto-wire.ts';
import { decodeStreamTarget, type StreamTarget } from './stream-target.ts';

const UNFINISHED_BATCHES_MAX = 1024;

/** Append: a message with the target, then one per event, then the end of the request. */
export const appendHandler =
  (queue: CommitQueue): GrpcHandler =>
  (call) => {
    let target: StreamTarget | undefined;
    const events: ReceivedEvent[] = [];
    let sizeBytes = 0;
    call.onMessage = (bytes) => {
      const message = decodeAppendRequest(bytes);
      if (message.kind === 'options') {
        target = { ...message.target, deadlineAtMs: call.deadlineAtMs };
        return;
      }
      sizeBytes += appendSizeBytes([message.event]);
      if (sizeBytes <= MAX_APPEND_SIZE_BYTES) events.push(message.event);
      else if (target !== undefined) call.end(statusOfRejection({ kind: 'appendTooLarge' }, target));
    };
    call.onHalfClose = () => {
      if (target === undefined) return call.end(invalidArgument('The append names no stream.'));
      const written = target;
      queueWrite(queue, call, {
        sizeBytes,
        execute: (writer) => writer.append(written, events),
        settle: (outcome) => {
          if (outcome.kind !== 'written' && outcome.kind !== 'wrongExpectedVersion') {
            return call.end(statusOfRejection(outcome, written));
          }
          call.write(encodeAppendResponse(outcome, written.expected));
          call.end();
        },
      });
    };
  };

type DeleteKind = 'softDelete' | 'tombstone';

/** Delete and Tombstone: one request, one position. */
export const deleteHandler =
  (queue: CommitQueue, kind: DeleteKind): GrpcHandler =>
  (call) => {
    call.onMessage = (bytes) => {
      const target = { ...decodeDeleteRequest(bytes), deadlineAtMs: call.deadlineAtMs };
      queueWrite(queue, call, {
        sizeBytes: 0,
        execute: (writer) => writer[kind](target),
        settle: (outcome) => {
          if (outcome.kind !== 'written') return call.end(statusOfRejection(outcome, target));
          call.write(frameMessage(encodeDeletePosition(outcome.lastPosition)));
          call.end();
        },
      });
    };
  };

/** BatchAppend: many appends on one call, told apart by their correlation ids. */
export const batchAppendHandler =
  (queue: CommitQueue): GrpcHandler =>
  (call) => {
    const batches = new UnfinishedBatches(call);
    const answers = new BatchAnswers(call);
    call.onMessage = (bytes) => {
      const batch = batches.add(decodeBatchAppendRequest(bytes));
      if (batch === undefined) return;
      const { correlation, target, events, sizeBytes } = batch;
      if (target === undefined) return call.end(invalidArgument('A batch append has no options.'));
      const answer = (outcome: AppendOutcome): void =>
        answers.add(encodeBatchAppendResponse(correlation, target, outcome));
      answers.expect();
      if (sizeBytes > MAX_APPEND_SIZE_BYTES) return answer({ kind: 'appendTooLarge' });
      queue.push({
        sizeBytes,
        execute: (writer) => writer.append(target, events),
        settle: answer,
        // A client that waits for a correlation id waits for ever: ending the call is the only answer it acts upon.
        fail: (reason) => call.end(unavailable(reason)),
      });
    };
    call.onHalfClose = () => answers.endWhenSent();
  };

type WriteRequest = {
  sizeBytes: number;
  execute: (writer: EventWriter) => AppendOutcome;
  settle: (outcome: AppendOutcome) => void;
};

const queueWrite = (queue: CommitQueue, call: GrpcCall, request: WriteRequest): void =>
  queue.push({ ...request, fail: (reason) => call.end(unavailable(reason)) });

const decodeDeleteRequest = (bytes: Buffer): StreamTarget => {
  const request = new WireReader(bytes);
  let target: StreamTarget | undefined;
  while (request.next()) {
    if (request.field === 1) target = decodeStreamTarget(request.message(), Date.now());
    else request.skip();
  }
  if (target === undefined) throw new Error('the request has no options');
  return target;
};

const encodeDeletePosition = (position: number | undefined): Buffer => {
  const at = position ?? 0;
  return delimitedField(1, Buffer.concat([varintField(1, at), varintField(2, at)]));
};

type Batch = {
  readonly correlation: Buffer;
  target: StreamTarget | undefined;
  readonly events: ReceivedEvent[];
  sizeBytes: number;
};

/** Puts the chunks of a batch together; most batches come in one. */
class UnfinishedBatches {
  private readonly call: GrpcCall;
  private readonly batches = new Map<string, Batch>();

  constructor(call: GrpcCall) {
    this.call = call;
  }

  /** The whole batch once its last chunk is here. */
  add(message: BatchAppendMessage): Batch | undefined {
    const sizeBytes = appendSizeBytes(message.events);
    if (message.isFinal && message.target !== undefined && this.batches.size === 0) return { ...message, sizeBytes };
    const key = message.correlation.toString('latin1');
    const batch = this.batches.get(key) ?? this.begin(key, message);
    batch.sizeBytes += sizeBytes;
    batch.target ??= message.target;
    if (batch.sizeBytes <= MAX_APPEND_SIZE_BYTES) batch.events.push(...message.events);
    else batch.events.length = 0; // It will be refused; the rest of it need not be kept.
    if (!message.isFinal) return undefined;
    this.batches.delete(key);
    return batch;
  }

  private begin(key: string, message: BatchAppendMessage): Batch {
    const batch: Batch = { correlation: message.correlation, target: message.target, events: [], sizeBytes: 0 };
    this.batches.set(key, batch);
    if (this.batches.size > UNFINISHED_BATCHES_MAX) {
      this.call.end({ code: GRPC_CODE.resourceExhausted, message: 'Too many batch appends are unfinished.' });
    }
    return batch;
  }
}

/** Collects the answers of one flush and sends them in one piece. */
class BatchAnswers {
  private readonly call: GrpcCall;
  private frames: Buffer[] = [];
  private outstandingCount = 0;
  private isEnding = false;

  constructor(call: GrpcCall) {
    this.call = call;
  }

  /** Announces an answer that `add` will bring. */
  expect(): void {
    this.outstandingCount++;
  }

  add(frame: Buffer): void {
    this.outstandingCount--;
    this.frames.push(frame);
    if (this.frames.length === 1) process.nextTick(() => this.send());
  }

  /** The caller has no more appends; what is still in the queue is answered before the end. */
  endWhenSent(): void {
    this.isEnding = true;
    this.send();
  }

  private send(): void {
    const [first] = this.frames;
    if (first !== undefined) this.call.write(this.frames.length === 1 ? first : Buffer.concat(this.frames));
    this.frames = [];
    if (this.isEnding && this.outstandingCount === 0) this.call.end();
  }
}
