/**
 * A running subscription: a cursor that reads pages while it is behind and takes commits directly while it is live.
 *
 * Invariants:
 * I1. Every event after the start is sent once and in order: the cursor lives in the source, and both ways of
 *     getting events move it.
 * I2. Between the page that found the end and the state "live" no commit can happen: both are one synchronous step.
 * I3. No page is read while the peer does not keep up; what is committed meanwhile is read from the storage later.
 */
import { randomUUID } from 'node:crypto';
import type { CommitFeed } from './commit-feed.ts';
import type { CommittedAppend } from './event-writer.ts';
import type { GrpcCall } from './grpc-call.ts';
import { streamDeletedStatus } from './grpc-status.ts';
import { CAUGHT_UP_FRAME, encodeConfirmation } from './read-codec.ts';
import type { SubscriptionSource } from './subscription-source.ts';

export type SubscriptionOptions = {
  readonly call: GrpcCall;
  readonly feed: CommitFeed;
  readonly source: SubscriptionSource;
  /** Undefined subscribes to $all. */
  readonly streamName: string | undefined;
};

export class Subscription {
  private readonly options: SubscriptionOptions;
  private isLive = false;
  /** Whether "caught up" is due when the end is reached next. */
  private isBehind = true;

  constructor(options: SubscriptionOptions) {
    this.options = options;
  }

  start(): void {
    const { call, feed, streamName } = this.options;
    const stop = feed.listen(streamName, (appends) => this.receive(appends));
    call.onClose = stop;
    call.onDrain = () => this.catchUp();
    call.write(encodeConfirmation(randomUUID()));
    if (!call.isBacklogged) this.catchUp();
  }

  private receive(appends: readonly CommittedAppend[]): void {
    if (!this.isLive) return;
    this.send(this.options.source.offer(appends));
    if (this.options.call.isBacklogged) this.isLive = false;
  }

  /** Reads one page per turn of the event loop, so that a long way does not hold up the others. */
  private catchUp(): void {
    const { call, source } = this.options;
    if (this.isLive || !call.isOpen || call.isBacklogged) return;
    const page = source.next();
    this.send(page.frames);
    if (page.frames.length > 0) this.isBehind = true;
    if (page.isAtEnd) this.goLive();
    else if (!call.isBacklogged) setImmediate(() => this.catchUp());
  }

  private goLive(): void {
    const { call, source } = this.options;
    this.isLive = true;
    if (!this.isBehind) return;
    this.isBehind = false;
    call.write(Buffer.concat([source.arrive(), CAUGHT_UP_FRAME]));
    if (call.isBacklogged) this.isLive = false;
  }

  private send(frames: Buffer): void {
    const { call, source, streamName } = this.options;
    if (frames.length > 0) call.write(frames);
    if (source.isOver() && streamName !== undefined) call.end(streamDeletedStatus(streamName));
  }
}
