/** A user of the cluster over plain NATS: registers, submits, and hears when runs end. */
import { connect, type NatsConnection } from 'nats';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';

type Receipt = { instance: string };
type Heard = { type: string; at: number };

export class BenchClient {
  readonly #connection: NatsConnection;
  readonly #ends = new Map<string, () => void>();
  readonly #ended = new Set<string>();
  #onEvent: ((instance: string, heard: Heard) => void) | undefined;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  static async connect(url: string): Promise<BenchClient> {
    const client = new BenchClient(await connect({ servers: url }));
    for (const end of ['WorkflowSucceeded', 'WorkflowFailed']) {
      client.#connection.subscribe(`millrace.v1.events.*.*.${end}`, {
        callback: (_, { subject }) => client.#end(subject.split('.')[4] ?? ''),
      });
    }
    return client;
  }

  /** Hears every event of that type of all runs, with the time of its arrival. */
  listen(type: string, onEvent: (instance: string, heard: Heard) => void): () => void {
    this.#onEvent = onEvent;
    const subscription = this.#connection.subscribe(`millrace.v1.events.*.*.${type}`, {
      callback: (_, { subject }) => this.#onEvent?.(subject.split('.')[4] ?? '', { type, at: performance.now() }),
    });
    return () => subscription.unsubscribe();
  }

  async register(definition: WorkflowDefinition): Promise<void> {
    await this.#ask('millrace.v1.register', { definition });
  }

  async submit(workflow: string): Promise<Receipt> {
    return (await this.#ask(`millrace.v1.submit.${workflow}`, {})) as Receipt;
  }

  whenEnded({ instance }: Receipt): Promise<void> {
    if (this.#ended.delete(instance)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#ends.set(instance, resolve);
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #end(instance: string): void {
    const resolve = this.#ends.get(instance);
    this.#ends.delete(instance);
    if (resolve === undefined) this.#ended.add(instance);
    else resolve();
  }

  async #ask(subject: string, body: object): Promise<unknown> {
    const message = await this.#connection.request(subject, JSON.stringify(body), { timeout: 30_000 });
    const reply = message.json<{ code?: string; message?: string }>();
    if (reply.code !== undefined) throw new Error(`${subject}: ${reply.code} ${reply.message}`);
    return reply;
  }
}
