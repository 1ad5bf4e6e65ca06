/** The node's own codec against the client's generated code: what one encodes, the other decodes to the same. */
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeAppendRequest,
  decodeBatchAppendRequest,
  encodeAppendResponse,
  encodeBatchAppendResponse,
} from '../../../infra/eventstore/append-codec.ts';
import {
  decodeFrame,
  encodeAppend,
  encodeLinkFrame,
  recordBytesOf,
  splitFrames,
  TOMBSTONE_REVISION,
  withStructuredId,
} from '../../../infra/eventstore/event-frame.ts';
import { decodeUuid, encodeStructuredUuid, eventIdKey } from '../../../infra/eventstore/event-uuid.ts';
import { WireFormatError, WireReader } from '../../../infra/eventstore/proto-wire.ts';
import { decodeReadRequest, encodeCheckpoint, encodeConfirmation } from '../../../infra/eventstore/read-codec.ts';

type Streams = typeof import('@eventstore/db-client/generated/streams_pb.js');
type Shared = typeof import('@eventstore/db-client/generated/shared_pb.js');
const require = createRequire(import.meta.url);
const streams = require('@eventstore/db-client/generated/streams_pb.js') as Streams;
const shared = require('@eventstore/db-client/generated/shared_pb.js') as Shared;

/** The client has its own version of the protobuf library. */
const ofClient = createRequire(require.resolve('@eventstore/db-client'));
const { Timestamp } = ofClient('google-protobuf/google/protobuf/timestamp_pb.js') as {
  Timestamp: new () => Parameters<InstanceType<Streams['BatchAppendReq']['Options']>['setDeadline']>[0] & {
    setSeconds(seconds: number): void;
  };
};

const uuids = fc.uuid();
const names = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 300 })
  .filter((name) => Buffer.from(name).toString() === name);
const revisions = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat().map((value) => Math.min(value, TOMBSTONE_REVISION - 1000)),
);
const blobs = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const proposals = fc.record({ id: uuids, type: names, contentType: names, customMetadata: blobs, data: blobs });
const expectations = fc.oneof(revisions, fc.constantFrom('any', 'no_stream', 'stream_exists'));
type Proposal = { id: string; type: string; contentType: string; customMetadata: Buffer; data: Buffer };

const message = (frame: Buffer): Buffer => {
  expect(frame[0]).toBe(0);
  expect(frame.readUInt32BE(1)).toBe(frame.length - 5);
  return frame.subarray(5);
};
const identifier = (name: string) => {
  const result = new shared.StreamIdentifier();
  result.setStreamName(Buffer.from(name));
  return result;
};
const textUuid = (id: string) => {
  const result = new shared.UUID();
  result.setString(id);
  return result;
};
const asBytes = (proposal: Proposal) => ({
  ...proposal,
  type: Buffer.from(proposal.type),
  contentType: Buffer.from(proposal.contentType),
});
/** Sets what all proposed messages have in common. */
const fill = <Message extends { setId: unknown }>(target: Message, proposal: Proposal): Message => {
  const proposed = target as unknown as InstanceType<Streams['BatchAppendReq']['ProposedMessage']>;
  proposed.setId(textUuid(proposal.id));
  proposed.getMetadataMap().set('type', proposal.type).set('content-type', proposal.contentType);
  proposed.setCustomMetadata(proposal.customMetadata);
  proposed.setData(proposal.data);
  return target;
};
const plain = (event: ReturnType<typeof asBytes>) => ({
  ...event,
  type: event.type.toString(),
  contentType: event.contentType.toString(),
});

describe('requests', () => {
  it('BatchAppend is read as the client writes it', () => {
    const inputs = [
      uuids,
      names,
      expectations,
      fc.array(proposals, { maxLength: 4 }),
      fc.boolean(),
      fc.nat(2e9),
    ] as const;
    fc.assert(
      fc.property(...inputs, (correlation, name, expected, batch, isFinal, seconds) => {
        const request = new streams.BatchAppendReq();
        const options = new streams.BatchAppendReq.Options();
        options.setStreamIdentifier(identifier(name));
        if (expected === 'any') options.setAny(new shared.Empty());
        else if (typeof expected === 'number') options.setStreamPosition(String(expected));
        else if (expected === 'no_stream') {
          options.setNoStream(new shared.Empty());
        } else options.setStreamExists(new shared.Empty());
        const deadline = new Timestamp();
        deadline.setSeconds(seconds);
        options.setDeadline(deadline);
        request.setCorrelationId(textUuid(correlation));
        request.setOptions(options);
        request.setIsFinal(isFinal);
        for (const proposal of batch) {
          request.addProposedMessages(fill(new streams.BatchAppendReq.ProposedMessage(), proposal));
        }
        const decoded = decodeBatchAppendRequest(Buffer.from(request.serializeBinary()));
        expect(decodeUuid(new WireReader(decoded.correlation))).toBe(correlation);
        expect(decoded.target).toEqual({ streamName: name, expected, deadlineAtMs: seconds * 1000 });
        expect(decoded.isFinal).toBe(isFinal);
        expect(decoded.events.map((event) => plain(event as ReturnType<typeof asBytes>))).toEqual(batch);
      }),
    );
  });

  it('Append is read as the client writes it', () => {
    fc.assert(
      fc.property(names, revisions, proposals, (name, revision, proposal) => {
        const head = new streams.AppendReq();
        const options = new streams.AppendReq.Options();
        options.setStreamIdentifier(identifier(name));
        options.setRevision(String(revision));
        head.setOptions(options);
        const entry = new streams.AppendReq();
        entry.setProposedMessage(fill(new streams.AppendReq.ProposedMessage(), proposal));
        const target = { streamName: name, expected: revision, deadlineAtMs: undefined };
        expect(decodeAppendRequest(Buffer.from(head.serializeBinary()))).toEqual({ kind: 'options', target });
        const decoded = decodeAppendRequest(Buffer.from(entry.serializeBinary()));
        expect(decoded.kind === 'event' && plain(decoded.event as ReturnType<typeof asBytes>)).toEqual(proposal);
      }),
    );
  });

  it('Read of a stream is read as the client writes it', () => {
    fc.assert(
      fc.property(
        names,
        revisions,
        fc.nat(),
        fc.boolean(),
        fc.boolean(),
        (name, revision, count, isBack, resolveLinks) => {
          const request = new streams.ReadReq();
          const options = new streams.ReadReq.Options();
          const stream = new streams.ReadReq.Options.StreamOptions();
          stream.setStreamIdentifier(identifier(name));
          stream.setRevision(String(revision));
          options.setStream(stream);
          options.setReadDirection(isBack ? 1 : 0);
          options.setResolveLinks(resolveLinks);
          options.setCount(String(count));
          const uuid = new streams.ReadReq.Options.UUIDOption();
          uuid.setString(new shared.Empty());
          options.setUuidOption(uuid);
          options.setNoFilter(new shared.Empty());
          request.setOptions(options);
          expect(decodeReadRequest(Buffer.from(request.serializeBinary()))).toEqual({
            streamName: name,
            start: revision,
            direction: isBack ? 'backwards' : 'forwards',
            resolveLinks,
            mode: { kind: 'read', limit: count },
            filter: undefined,
            uuidForm: 'text',
          });
        },
      ),
    );
  });

  it('any bytes are either read or refused, never a crash', () => {
    fc.assert(
      fc.property(blobs, (bytes) => {
        for (const decode of [decodeBatchAppendRequest, decodeAppendRequest, decodeReadRequest]) {
          try {
            decode(bytes);
          } catch (error) {
            expect((error as Error).name).toMatch(/^(WireFormatError|InvalidFilterError)$/);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(
      () => new WireReader(Buffer.from([0x0a, 0x05, 0x01])).next() && new WireReader(Buffer.alloc(1)).next(),
    ).toThrow(WireFormatError);
  });
});

describe('events', () => {
  const batches = fc.array(proposals, { minLength: 1, maxLength: 4 });

  it('are read by the client as they were proposed', () => {
    fc.assert(
      fc.property(names, batches, revisions, revisions, (name, batch, firstRevision, previousPosition) => {
        const place = { streamNameBytes: Buffer.from(name), firstRevision, createdTicks: '17000000000001230000' };
        const { frames, lastPosition } = encodeAppend(batch.map(asBytes), place, previousPosition);
        const positions: number[] = [];
        splitFrames(frames).forEach((frame, index) => {
          const readEvent = streams.ReadResp.deserializeBinary(message(frame)).getEvent();
          const record = readEvent?.getEvent();
          const proposal = batch[index] as Proposal;
          expect(record?.getId()?.getString()).toBe(proposal.id);
          expect(Buffer.from(record?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(name);
          expect(record?.getStreamRevision()).toBe(String(firstRevision + index));
          expect(Object.fromEntries(record?.getMetadataMap().toArray() ?? [])).toEqual({
            type: proposal.type,
            'content-type': proposal.contentType,
            created: '17000000000001230000',
          });
          expect(Buffer.from(record?.getCustomMetadata_asU8() ?? [])).toEqual(proposal.customMetadata);
          expect(Buffer.from(record?.getData_asU8() ?? [])).toEqual(proposal.data);
          expect(record?.getCommitPosition()).toBe(readEvent?.getCommitPosition());
          expect(record?.getPreparePosition()).toBe(readEvent?.getCommitPosition());
          positions.push(Number(readEvent?.getCommitPosition()));
          const known = { id: proposal.id, streamName: name, type: proposal.type, position: positions[index] };
          expect(decodeFrame(frame)).toMatchObject(known);
        });
        expect(positions).toEqual([...positions].sort((left, right) => left - right));
        expect(positions.at(-1)).toBe(lastPosition);
      }),
    );
  });

  it('have their id in the structured form for readers that ask for it', () => {
    fc.assert(
      fc.property(proposals, (proposal) => {
        const place = { streamNameBytes: Buffer.from('s'), firstRevision: 3, createdTicks: '1' };
        const { frames } = encodeAppend([asBytes(proposal)], place, 5000);
        const record = withStructuredId(recordBytesOf(frames));
        const decoded = streams.ReadResp.ReadEvent.RecordedEvent.deserializeBinary(record);
        expect(decoded.getId()?.hasStructured()).toBe(true);
        expect(decodeUuid(new WireReader(Buffer.from(decoded.getId()?.serializeBinary() ?? [])))).toBe(proposal.id);
        expect(Buffer.from(decoded.getData_asU8())).toEqual(proposal.data);
        const linked = encodeLinkFrame({ record, position: 7 }, record);
        const resolved = streams.ReadResp.deserializeBinary(message(linked)).getEvent();
        expect([resolved?.hasEvent(), resolved?.hasLink(), resolved?.getCommitPosition()]).toEqual([true, true, '7']);
      }),
    );
  });

  it('have ids whose structured form is the inverse of its reading, and keys below zero that hardly collide', () => {
    const keys = new Set<number>();
    fc.assert(
      fc.property(uuids, (id) => {
        expect(decodeUuid(new WireReader(encodeStructuredUuid(id))) ?? '00000000-0000-0000-0000-000000000000').toBe(id);
        expect(eventIdKey(id)).toBeLessThan(0);
        expect(Number.isSafeInteger(eventIdKey(id))).toBe(true);
      }),
    );
    for (let number = 0; number < 100_000; number++) {
      keys.add(eventIdKey(`00000000-0000-1000-8000-${number.toString(16).padStart(12, '0')}`));
    }
    expect(keys.size).toBe(100_000);
  });

  it('end a stream with the highest revision', () => {
    const place = { streamNameBytes: Buffer.from('s'), firstRevision: TOMBSTONE_REVISION, createdTicks: '1' };
    const event = { id: 'c0a80101-0000-4000-8000-000000000001', type: 't', contentType: 'c' };
    const empty = Buffer.alloc(0);
    const { frames } = encodeAppend([asBytes({ ...event, customMetadata: empty, data: empty })], place, 5000);
    const record = streams.ReadResp.deserializeBinary(message(frames)).getEvent()?.getEvent();
    expect(record?.getStreamRevision()).toBe('9223372036854775807');
    expect(decodeFrame(frames).revision).toBe(TOMBSTONE_REVISION);
  });
});

describe('answers', () => {
  it('to a batch append are read by the client', () => {
    fc.assert(
      fc.property(
        uuids,
        names,
        expectations,
        revisions,
        revisions,
        (id, streamName, expected, lastRevision, lastPosition) => {
          const target = { streamName, expected: expected as 'any' };
          const correlation = Buffer.from(textUuid(id).serializeBinary());
          const written = encodeBatchAppendResponse(correlation, target, {
            kind: 'written',
            lastRevision,
            lastPosition,
          });
          const success = streams.BatchAppendResp.deserializeBinary(message(written));
          expect(success.getCorrelationId()?.getString()).toBe(id);
          expect(success.getSuccess()?.getCurrentRevision()).toBe(String(lastRevision));
          expect(success.getSuccess()?.getPosition()?.getCommitPosition()).toBe(String(lastPosition));
          const outcome = { kind: 'wrongExpectedVersion', current: lastRevision } as const;
          const refused = streams.BatchAppendResp.deserializeBinary(
            message(encodeBatchAppendResponse(correlation, target, outcome)),
          );
          const details = refused.getError()?.getDetails();
          expect(Buffer.from(refused.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(streamName);
          expect(details?.getTypeUrl()).toBe('type.googleapis.com/event_store.client.WrongExpectedVersion');
          const wrong = shared.WrongExpectedVersion.deserializeBinary(details?.getValue_asU8() ?? new Uint8Array());
          expect(wrong.getCurrentStreamRevision()).toBe(String(lastRevision));
          if (typeof expected === 'number') expect(wrong.getExpectedStreamPosition()).toBe(String(expected));
        },
      ),
    );
  });

  it('to an append, of subscriptions and checkpoints are read by the client', () => {
    fc.assert(
      fc.property(revisions, revisions, (lastRevision, lastPosition) => {
        const frame = encodeAppendResponse({ kind: 'written', lastRevision, lastPosition }, 'any');
        const { success } = streams.AppendResp.deserializeBinary(message(frame)).toObject();
        expect(success).toMatchObject({ currentRevision: String(lastRevision) });
        expect(success?.position).toMatchObject({ preparePosition: String(lastPosition) });
        const checkpoint = streams.ReadResp.deserializeBinary(message(encodeCheckpoint(lastPosition))).getCheckpoint();
        expect(checkpoint?.getCommitPosition()).toBe(String(lastPosition));
      }),
    );
    const confirmation = streams.ReadResp.deserializeBinary(message(encodeConfirmation('id'))).getConfirmation();
    expect(confirmation?.getSubscriptionId()).toBe('id');
  });
});
