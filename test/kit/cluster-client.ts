/** A user of a running cluster: plain NATS messages, and the journal read with the unmodified store client. */
import { EventStoreDBClient, type ResolvedEvent, START } from '@eventstore/db-client';
import { connect, type NatsConnection } from 'nats';
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import { type Receipt, type RunReply, receiptSchema, runReplySchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import { eventually } from './eventually.ts';

export type StoredEvent = {
  stream: string;
  revision: number;
  type: string;
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
};

export type ClusterClient = {
  readonly nats: NatsConnection;
  /** Repeats until a master answers, as a user's program would. */
  ask(subject: string, body: unknown): Promise<unknown>;
  register(definition: WorkflowDefinition): Promise<void>;
  submit(workflow: string, body?: object): Promise<Receipt>;
  show(instance: InstanceId): Promise<RunReply>;
  whenEnded(instance: InstanceId, timeoutMs?: number): Promise<RunReply>;
  /** Resolves when the stream of the run has an event that fits. */
  whenWritten(instance: InstanceId, fits: (event: StoredEvent) => boolean): Promise<StoredEvent>;
  history(instance: InstanceId): Promise<StoredEvent[]>;
  /** Events of all runs and definitions, in the order of the store. */
  everything(): AsyncIterable<StoredEvent>;
  /** The history, after the check of all invariants. @throws Error that lists the breaches */
  soundHistory(definition: WorkflowDefinition, instance: InstanceId): Promise<StoredEvent[]>;
  close(): Promise<void>;
};

const askTimeoutMs = 5_000;

export async function connectToCluster(natsUrl: string, storeUrl: string): Promise<ClusterClient> {
  const nats = await connect({
    servers: natsUrl,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    noAsyncTraces: true,
  });
  const store = EventStoreDBClient.connectionString(storeUrl);

  const ask = (subject: string, body: unknown): Promise<unknown> =>
    eventually(`an answer comes to ${subject}`, async () => {
      const message = await nats.request(subject, JSON.stringify(body), { timeout: askTimeoutMs });
      const reply: unknown = message.json();
      const refusal = errorReplySchema.safeParse(reply);
      if (refusal.success) throw new Error(`${refusal.data.code}: ${refusal.data.message}`);
      return reply;
    });
  const history = async (instance: InstanceId): Promise<StoredEvent[]> => {
    const events: StoredEvent[] = [];
    for await (const resolved of store.readStream(`workflowInstance-${instance}`, { fromRevision: START })) {
      events.push(storedEvent(resolved));
    }
    return events;
  };
  const show = async (instance: InstanceId): Promise<RunReply> =>
    runReplySchema.parse(await ask(subjects.query('run'), { instance }));

  return {
    nats,
    ask,
    register: async (definition) => void (await ask(subjects.register, { definition })),
    submit: async (workflow, body = {}) =>
      receiptSchema.parse(await ask(subjects.submit(workflow as WorkflowName), body)),
    show,
    whenEnded: (instance, timeoutMs) =>
      eventually(
        `the run ${instance} ends`,
        async () => {
          const reply = await show(instance);
          if (reply.run.finishedAt === undefined) throw new Error(standOf(reply));
          return reply;
        },
        timeoutMs,
      ),
    whenWritten: (instance, fits) =>
      eventually(`the awaited event of ${instance} is written`, async () => (await history(instance)).find(fits)),
    history,
    everything: () => everything(store),
    soundHistory: async (definition, instance) => {
      const events = await history(instance);
      const { violations } = checkHistory(planOf(definition), events);
      if (violations.length > 0) throw new Error(breachesOf(violations, events));
      return events;
    },
    close: async () => {
      await nats.close();
      await store.dispose();
    },
  };
}

async function* everything(store: EventStoreDBClient): AsyncIterable<StoredEvent> {
  for await (const resolved of store.readAll({ fromPosition: START })) {
    if (resolved.event !== undefined && !resolved.event.type.startsWith('$')) yield storedEvent(resolved);
  }
}

function storedEvent({ event }: ResolvedEvent): StoredEvent {
  if (event === undefined) throw new Error('the store gave a link without its event');
  const { streamId, revision, type, data, metadata } = event;
  return {
    stream: streamId,
    revision: Number(revision),
    type,
    data: data as Record<string, unknown>, // Ours are JSON objects; the checker parses them.
    metadata: metadata as Record<string, unknown>,
  };
}

/** For the failure of a test that waited in vain. */
function standOf({ run, owner, revision, counts, tasks }: RunReply): string {
  const unfinished = tasks.filter(({ status }) => !['succeeded', 'waiting'].includes(status));
  return JSON.stringify({ status: run.status, owner, revision, counts, unfinished });
}

function breachesOf(violations: readonly { invariant: string; message: string }[], events: StoredEvent[]): string {
  const breaches = violations.map(({ invariant, message }) => `${invariant}: ${message}`);
  const lines = events.map(({ revision, type, data }) => `${revision} ${type} ${JSON.stringify(data).slice(0, 200)}`);
  return [...breaches, '', ...lines].join('\n');
}
