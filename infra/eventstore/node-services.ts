/** What the node says about itself: server features and gossip. */
import { randomUUID } from 'node:crypto';
import { frameMessage } from './event-frame.ts';
import type { GrpcHandler } from './grpc-server.ts';
import { delimitedField, int64Field, varintField } from './proto-wire.ts';

/** The version whose behaviour is reproduced; clients only show it. */
const SERVER_VERSION = '24.10.0';
const STREAMS = 'event_store.client.streams.streams';
const PERSISTENT_SUBSCRIPTIONS = 'event_store.client.persistent_subscriptions.persistentsubscriptions';
const LEADER_STATE = 8;

type Method = readonly [service: string, method: string, features: readonly string[]];

/**
 * The persistent subscription methods are listed although they answer UNIMPLEMENTED: without the entry the client
 * would try the same over HTTP/1.1 and report a puzzling error. Whatever it can refuse by itself is left out.
 */
const METHODS: readonly Method[] = [
  [STREAMS, 'append', []],
  [STREAMS, 'batchappend', ['deadline_duration']],
  [STREAMS, 'read', ['position', 'events']],
  [STREAMS, 'delete', []],
  [STREAMS, 'tombstone', []],
  [PERSISTENT_SUBSCRIPTIONS, 'getinfo', ['stream']],
  [PERSISTENT_SUBSCRIPTIONS, 'replayparked', ['stream']],
  [PERSISTENT_SUBSCRIPTIONS, 'list', ['stream']],
  [PERSISTENT_SUBSCRIPTIONS, 'restartsubsystem', []],
];

/** GetSupportedMethods: SupportedMethods{1 methods, 2 event_store_server_version}. */
export const serverFeaturesHandler = (): GrpcHandler => {
  const methods = METHODS.map(([service, method, features]) => {
    const parts = [delimitedField(1, method), delimitedField(2, service)];
    return delimitedField(1, Buffer.concat([...parts, ...features.map((feature) => delimitedField(3, feature))]));
  });
  const answer = frameMessage(Buffer.concat([...methods, delimitedField(2, SERVER_VERSION)]));
  return unary(() => answer);
};

/** Gossip: this node is the leader of a cluster of one, at the address by which the caller has reached it. */
export const gossipHandler = (port: () => number): GrpcHandler => {
  const instanceId = delimitedField(1, delimitedField(2, randomUUID()));
  return unary((localHost) => {
    const endPoint = Buffer.concat([delimitedField(1, localHost), varintField(2, port())]);
    const member = Buffer.concat([
      instanceId,
      int64Field(2, BigInt(Date.now()) * 10_000n),
      varintField(3, LEADER_STATE),
      varintField(4, 1),
      delimitedField(5, endPoint),
    ]);
    return frameMessage(delimitedField(1, member));
  });
};

const unary =
  (answer: (localHost: string) => Buffer): GrpcHandler =>
  (call) => {
    call.onMessage = () => {
      call.write(answer(call.localHost));
      call.end();
    };
  };
