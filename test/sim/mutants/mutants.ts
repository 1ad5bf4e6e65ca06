/** The system broken on purpose, one rule at a time. Each break wraps a port; the simulation must find every one. */
import type { Application } from '../../../schemas/clusters/application.schema.ts';
import type { Offer, ReportBatch } from '../../../schemas/messages/attempt.messages.ts';
import type { SlotStates } from '../../../schemas/messages/concurrency.messages.ts';
import { claimKey, subjects } from '../../../schemas/messages/subjects.ts';
import type { Bucket, BucketEntry } from '../../../src/buckets/bucket.port.ts';
import type { Journal } from '../../../src/journal/journal.port.ts';
import type { Transport } from '../../../src/transport/transport.port.ts';
import type { Ledger } from '../../../src/worker/ledger.port.ts';
import type { Sabotage } from '../sim-nodes.ts';
import type { Life } from '../sim-world.ts';

export type Mutant = {
  name: string;
  /** The invariants of which one must be seen broken. */
  breaks: readonly string[];
  /** So many seeds find it with much to spare. */
  seedCountMax: number;
  sabotage: Sabotage;
};

/** The fence is gone: appends no longer say where they expect the stream to be. */
const anyRevision: Mutant = {
  name: 'appends without an expected revision',
  breaks: ['I1', 'I3', 'I4', 'I5'],
  seedCountMax: 50,
  sabotage: {
    masterJournal: (journal) => withAppend(journal, (stream, _, events) => journal.append(stream, 'any', events)),
  },
};

/** A report is acked when it comes, not when it is durable. */
const earlyAck: Mutant = {
  name: 'acks before the append',
  breaks: ['I2'],
  seedCountMax: 20,
  sabotage: { masterTransport: ackEarly },
};

/** A worker that knows neither which attempts it had nor which life an offer is for. */
const forgetfulWorker: Mutant = {
  name: 'a worker that forgets attempts and its own restarts',
  breaks: ['I4', 'I11'],
  seedCountMax: 500,
  sabotage: { workerLedger: forget, workerTransport: takeAnyOffer },
};

/** Decisions count as durable when they are sent, not when they are written. */
const earlyEffects: Mutant = {
  name: 'effects before their events are durable',
  breaks: ['I7', 'I2'],
  seedCountMax: 20,
  sabotage: {
    masterJournal: (journal) =>
      withAppend(journal, (stream, expected, events) => {
        const result = journal.append(stream, expected, events);
        if (typeof expected !== 'number') return result;
        void result.catch(() => {}); // Whatever comes of it.
        return Promise.resolve({ kind: 'appended', revision: expected + events.length });
      }),
  },
};

/** Who is told to wait for slots of a task group takes them. */
const slotTwice: Mutant = {
  name: 'tasks that take slots which others have',
  breaks: ['I8'],
  seedCountMax: 300,
  sabotage: { masterTransport: (transport) => withIncoming(transport, grantAll) },
};

/** What a dead master owned beside runs stays without an owner until somebody asks for it. */
const lostActors: Mutant = {
  name: 'masters that look for ownerless runs only',
  breaks: ['I8'],
  seedCountMax: 400,
  sabotage: { masterClaims: runClaimsOnly },
};

/** Applications that still run are taken for dead: a new attempt starts another one. */
const deadTooSoon: Mutant = {
  name: 'masters that take applications for dead which run on',
  breaks: ['I11'],
  seedCountMax: 100,
  sabotage: {
    clusterClients: (clients) => ({
      named: (name) => {
        const client = clients.named(name);
        const dead = (application: Application) => ({ ...application, state: 'killed' as const, hasEnded: true });
        return {
          ...client,
          find: async (id) => dead(await client.find(id)),
          findByTag: async (tag) => (await client.findByTag(tag)).map(dead),
        };
      },
    }),
  },
};

export const mutants: readonly Mutant[] = [
  ...[anyRevision, earlyAck, forgetfulWorker, earlyEffects],
  ...[slotTwice, lostActors, deadTooSoon],
];

function runClaimsOnly(claims: Bucket): Bucket {
  const isOfRun = ({ key }: BucketEntry) => key.startsWith(claimKey('workflowInstance', ''));
  return {
    get: (key) => claims.get(key),
    create: (key, value) => claims.create(key, value),
    update: (key, value, revision) => claims.update(key, value, revision),
    put: (key, value) => claims.put(key, value),
    remove: (key, revision) => claims.remove(key, revision),
    entries: async () => (await claims.entries()).filter(isOfRun),
    watch: (listener, options) => claims.watch(listener, options),
  };
}

function grantAll(subject: string, body: unknown): unknown {
  if (subject !== subjects.masters.slots) return body;
  const { group, states } = body as SlotStates;
  return { group, states: states.map(({ holder }) => ({ holder, state: 'granted' })) };
}

function withAppend(journal: Journal, append: Journal['append']): Journal {
  return {
    append,
    read: (stream, options) => journal.read(stream, options),
    subscribeAll: (options) => journal.subscribeAll(options),
    status: () => journal.status(),
    stop: (deadlineMs) => journal.stop(deadlineMs),
  };
}

function withIncoming(transport: Transport, change: (subject: string, body: unknown) => unknown): Transport {
  return {
    publish: (subject, body, options) => transport.publish(subject, body, options),
    newInbox: () => transport.newInbox(),
    subscribe: (subject, handler, options) =>
      transport.subscribe(subject, (message) => handler({ ...message, body: change(subject, message.body) }), options),
    request: (subject, body, options) => transport.request(subject, body, options),
    flush: () => transport.flush(),
    status: () => transport.status(),
    onStatus: (listener) => transport.onStatus(listener),
    stop: (deadlineMs) => transport.stop(deadlineMs),
  };
}

function ackEarly(transport: Transport): Transport {
  const wrapped = withIncoming(transport, (_, body) => body);
  return {
    ...wrapped,
    subscribe: (subject, handler, options) =>
      transport.subscribe(
        subject,
        (message) => {
          if (subject.endsWith('.report') && message.reply !== undefined) {
            const { reports } = message.body as ReportBatch;
            const acked = reports.map(({ attemptId, sequence }) => ({ attemptId, sequence }));
            transport.publish(message.reply, { acked, notOwner: [] });
          }
          handler(message);
        },
        options,
      ),
  };
}

function forget(ledger: Ledger): Ledger {
  return { ...ledger, findAttempt: () => undefined };
}

function takeAnyOffer(transport: Transport, life: Life): Transport {
  return withIncoming(transport, (subject, body) =>
    subject.endsWith('.offer') ? { ...(body as Offer), workerIncarnation: life.incarnation } : body,
  );
}
