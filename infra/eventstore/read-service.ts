/** Read: bounded reads and subscriptions, of one stream and of $all. */
import { readAllPages } from './all-read.ts';
import type { CommitFeed } from './commit-feed.ts';
import { type EventSources, frameProjection } from './event-page.ts';
import type { GrpcCall } from './grpc-call.ts';
import type { GrpcHandler } from './grpc-server.ts';
import { type GrpcStatus, invalidArgument, streamDeletedStatus } from './grpc-status.ts';
import { decodeReadRequest, encodeStreamNotFound, type ReadRequest } from './read-codec.ts';
import { isMetastream, isValidStreamName, streamOfMetastream } from './stream-metadata.ts';
import { readStreamPages } from './stream-read.ts';
import { isSoftDeleted, isTombstoned, type StreamStates } from './stream-states.ts';
import { Subscription } from './subscription.ts';
import { AllSource, StreamSource } from './subscription-source.ts';

export const readHandler =
  (sources: EventSources, feed: CommitFeed): GrpcHandler =>
  (call) => {
    call.onMessage = (bytes) => {
      const request = decodeReadRequest(bytes);
      const { streamName } = request;
      if (streamName === undefined) serveAll(sources, feed, call, request);
      else serveStream(sources, feed, call, { ...request, streamName });
    };
  };

const serveAll = (sources: EventSources, feed: CommitFeed, call: GrpcCall, request: ReadRequest): void => {
  if (request.mode.kind === 'read') {
    sendPages(call, readAllPages(sources, request, request.mode.limit));
    return;
  }
  const source = new AllSource(sources, request.start, request.filter, frameProjection(sources, request));
  new Subscription({ call, feed, source, streamName: undefined }).start();
};

type StreamRequest = ReadRequest & { readonly streamName: string };

const serveStream = (sources: EventSources, feed: CommitFeed, call: GrpcCall, request: StreamRequest): void => {
  const { streamName, mode } = request;
  const refusal = refusalOf(sources.states, streamName);
  if (refusal !== undefined) {
    call.end(refusal);
    return;
  }
  const state = sources.states.of(streamName);
  if (mode.kind === 'subscription') {
    const source = new StreamSource(sources, state, request.start, frameProjection(sources, request));
    new Subscription({ call, feed, source, streamName }).start();
    return;
  }
  if (state.lastRevision < 0 || isSoftDeleted(state)) {
    call.write(encodeStreamNotFound(streamName));
    call.end();
    return;
  }
  sendPages(call, readStreamPages(sources, state, request, mode.limit));
};

/** A metadata stream goes with its stream. */
const refusalOf = (states: StreamStates, streamName: string): GrpcStatus | undefined => {
  if (!isValidStreamName(streamName)) return invalidArgument(`"${streamName}" is no stream name.`);
  const subject = isMetastream(streamName) ? streamOfMetastream(streamName) : streamName;
  return isTombstoned(states.of(subject)) ? streamDeletedStatus(subject) : undefined;
};

/** One page per turn of the event loop, and none while the peer does not keep up. */
const sendPages = (call: GrpcCall, pages: Generator<Buffer, void>): void => {
  const step = (): void => {
    if (!call.isOpen || call.isBacklogged) return;
    const page = pages.next();
    if (page.done) {
      call.sendHeaders();
      call.end();
    } else if (call.write(page.value)) setImmediate(step);
  };
  call.onDrain = step;
  step();
};
