/** The users: they ask until they are answered, repeat themselves, stop runs, and send nonsense. They note every receipt. */

import { errorCatalogue, errorReplySchema } from '../../schemas/errors.ts';
import type { WorkflowName } from '../../schemas/ids.ts';
import type { Receipt, RunReply } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Transport } from '../../src/transport/transport.port.ts';
import type { SimMonitor } from './sim-monitor.ts';
import { type SimAnswer, SimSteering } from './sim-steering.ts';
import type { BadRequest, Submission, Workload } from './sim-workload.ts';
import type { Life } from './sim-world.ts';

const operatorIntervalMs = 4_000;

export class SimClient {
  /** Instances by workflow and key, as the receipts name them. */
  readonly receipts = new Map<string, string>();
  readonly #life: Life;
  readonly #transport: Transport;
  readonly #monitor: SimMonitor;
  readonly #checkView: (reply: RunReply) => void;
  readonly #steering: SimSteering;
  #openCount = 0;

  constructor(options: {
    life: Life;
    transport: Transport;
    monitor: SimMonitor;
    /** I5 over a border: what a master tells of a run is what the journal says at that revision. */
    checkView: (reply: RunReply) => void;
  }) {
    this.#life = options.life;
    this.#transport = options.transport;
    this.#monitor = options.monitor;
    this.#checkView = options.checkView;
    const asking = {
      ask: (subject: string, body: unknown) => this.#ask(subject, body),
      plan: (delayMs: number, act: () => Promise<unknown>) => this.#do(delayMs, act),
      show: (instance: string) => this.#show(instance),
      random: () => this.#life.ids.random(),
    };
    this.#steering = new SimSteering(asking, options.monitor);
  }

  get isDone(): boolean {
    return this.#openCount === 0;
  }

  begin(workload: Workload): void {
    this.#do(0, async () => {
      for (const definition of workload.definitions) await this.#register(definition);
      for (const submission of workload.submissions) this.#plan(submission);
      for (const act of workload.clusterActs) this.#do(act.atMs, () => this.#steering.order(act, this.#instances()));
      if (workload.hasGroups) this.#do(0, () => this.#steering.setGroups());
      this.#operate();
      for (const bad of workload.badRequests) this.#do(bad.atMs, () => this.#sendNonsense(bad));
    });
  }

  /** Faults are over. */
  calm(): void {
    this.#steering.isCalm = true;
  }

  #plan(submission: Submission): void {
    const { atMs, repeatAtMs, acts, askAtMs } = submission;
    this.#do(atMs, async () => {
      const receipt = await this.#submit(submission);
      if (receipt === undefined) return;
      for (const act of acts) this.#do(act.afterMs, () => this.#steering.act(act, receipt.instance));
      for (const delayMs of askAtMs) this.#do(delayMs, () => this.#show(receipt.instance));
    });
    for (const againAtMs of repeatAtMs) this.#do(againAtMs, () => this.#submit(submission));
  }

  #instances(): string[] {
    return [...this.receipts.values()];
  }

  /** A person who looks now and then, and decides what waits for a decision. */
  #operate(): void {
    this.#life.after(operatorIntervalMs, () => {
      void this.#steering.lookAround().then(() => this.#operate());
    });
  }

  async #register(definition: object): Promise<void> {
    const answer = await this.#ask(subjects.register, { definition });
    if (answer.kind === 'refused')
      this.#monitor.breach('I10', `a good definition is refused: ${answer.refusal.message}`);
  }

  async #submit({ workflow, key, amount, wishes }: Submission): Promise<Receipt | undefined> {
    const body = { key, params: { size: amount, must: [amount] }, ...wishes };
    const answer = await this.#ask(subjects.submit(workflow), body);
    if (answer.kind === 'refused') {
      this.#monitor.breach('I2', `the good submission ${workflow} "${key}" is refused: ${answer.refusal.message}`);
      return undefined;
    }
    const receipt = answer.body as Receipt;
    const name = `${workflow} ${key}`;
    const former = this.receipts.get(name) ?? receipt.instance;
    if (former !== receipt.instance) {
      this.#monitor.breach('I3', `${name} was the run ${former} and is now ${receipt.instance}`);
    }
    this.receipts.set(name, receipt.instance);
    this.#monitor.tookReceipt(workflow, key, receipt);
    return receipt;
  }

  async #show(instance: string): Promise<RunReply | undefined> {
    // A child is named before it is made.
    const isKnown = this.#monitor.hasRun(instance);
    const answer = await this.#ask(subjects.query('run'), { instance });
    if (answer.kind === 'refused') {
      if (isKnown) this.#monitor.breach('I2', `the run ${instance} exists and is not shown: ${answer.refusal.message}`);
      return undefined;
    }
    const reply = answer.body as RunReply;
    this.#checkView(reply);
    return reply;
  }

  /** I10. */
  async #sendNonsense({ workflow, body }: BadRequest): Promise<void> {
    const answer = await this.#ask(subjects.submit(workflow as WorkflowName), body);
    if (answer.kind === 'reply') this.#monitor.breach('I10', `nonsense got a receipt: ${JSON.stringify(body)}`);
  }

  /** Repeats until there is an answer that repeating would not change. */
  async #ask(subject: string, body: unknown): Promise<SimAnswer> {
    const { ids } = this.#life;
    while (true) {
      const timeoutMs = 500 + 4_000 * ids.random();
      const result = await this.#transport.request(subject, body, { timeoutMs });
      const answer = result.kind === 'answer' ? toAnswer(result.body) : undefined;
      if (answer?.kind === 'reply') return answer;
      if (answer?.kind === 'refused' && !errorCatalogue[answer.refusal.code].retry) return answer;
      await this.#sleep(50 + 2_000 * ids.random() ** 2);
    }
  }

  #do(delayMs: number, act: () => Promise<unknown>): void {
    this.#openCount += 1;
    this.#life.after(delayMs, () => {
      void act().then(
        () => {
          this.#openCount -= 1;
        },
        (fault) => this.#monitor.breach('client', String(fault)),
      );
    });
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#life.after(delayMs, resolve);
    });
  }
}

function toAnswer(body: unknown): SimAnswer {
  if (typeof body === 'object' && body !== null && 'code' in body) {
    const refusal = errorReplySchema.safeParse(body);
    if (refusal.success) return { kind: 'refused', refusal: refusal.data };
  }
  return { kind: 'reply', body };
}
