/**
 * NATS as the transport's port promises it, between simulated processes: at most once, no order across subjects, nobody
 * there is told at once, a silent peer is a timeout.
 *
 * M1 Receivers are chosen when a message is published. Messages of one sender to one subscription keep their order, unless the
 *    way hung meanwhile: what it held comes in any order, which is worse than NATS does.
 */
import type { MessageHandler, RequestResult, Subscription, Transport } from '../../src/transport/transport.port.ts';
import type { Link } from './sim-link.ts';
import { type Life, never } from './sim-world.ts';

export type Published = { life: Life; subject: string; body: unknown; reply: string | undefined };

type Listener = {
  readonly subject: string;
  readonly queueGroup: string | undefined;
  readonly link: Link;
  readonly handler: MessageHandler;
  readonly arrivals: Map<number, number>;
};

export class SimNetwork {
  /** Sees all that living processes publish, before it may be lost. */
  observe: (published: Published) => void = () => {};
  readonly #listeners = new Map<string, Listener[]>();
  #inboxCount = 0;

  connect(link: Link): Transport {
    return new SimTransport(this, link);
  }

  nextInbox(): string {
    this.#inboxCount += 1;
    return `_INBOX.${this.#inboxCount}`;
  }

  add(listener: Listener): void {
    const listeners = this.#listeners.get(listener.subject);
    if (listeners === undefined) this.#listeners.set(listener.subject, [listener]);
    else listeners.push(listener);
  }

  remove(listener: Listener): void {
    const listeners = this.#listeners.get(listener.subject);
    const index = listeners?.indexOf(listener) ?? -1;
    if (listeners === undefined || index < 0) return;
    listeners.splice(index, 1);
    if (listeners.length === 0) this.#listeners.delete(listener.subject);
  }

  /** Returns how many receive it, as far as the server knows. */
  send(from: Link, subject: string, body: unknown, reply: string | undefined): number {
    const receivers = this.#receiversOf(subject, from);
    if (receivers.length === 0 || from.isLost()) return receivers.length;
    const text = body === undefined ? undefined : JSON.stringify(body);
    from.life.process.world.trace.note('send', `${subject} ${text?.length ?? 0}`);
    from.life.process.world.trace.comment('body', () => text ?? '');
    const sender = from.life.number;
    for (const { link, handler, arrivals } of receivers) {
      const deliver = () =>
        handler({ subject, body: text === undefined ? undefined : JSON.parse(text), reply, traceparent: undefined });
      arrivals.set(sender, link.toLife(deliver, arrivals.get(sender)));
    }
    return receivers.length;
  }

  /** A pattern here ends in `.*` or is exact. */
  #receiversOf(subject: string, from: Link): Listener[] {
    const exact = this.#listeners.get(subject) ?? [];
    const wild = this.#listeners.get(`${subject.slice(0, subject.lastIndexOf('.'))}.*`) ?? [];
    const found: Listener[] = [];
    const shared: Listener[] = [];
    for (const listeners of [exact, wild]) {
      for (const listener of listeners) {
        if (listener.link.state === 'away') continue;
        if (listener.queueGroup === undefined) found.push(listener);
        else shared.push(listener);
      }
    }
    // There is one queue group for each subject.
    if (shared.length > 0) found.push(from.life.process.world.random.pick(shared));
    return found;
  }
}

class SimTransport implements Transport {
  readonly link: Link;
  readonly #network: SimNetwork;
  readonly #life: Life;
  readonly #own = new Set<Listener>();
  #isStopped = false;

  constructor(network: SimNetwork, link: Link) {
    this.#network = network;
    this.link = link;
    this.#life = link.life;
    this.#life.onEnd(() => {
      for (const listener of this.#own) this.#network.remove(listener);
    });
  }

  publish(subject: string, body: unknown, options: { reply?: string } = {}): void {
    this.#send(subject, body, options.reply);
  }

  newInbox(): string {
    return this.#network.nextInbox();
  }

  subscribe(subject: string, handler: MessageHandler, options: { queueGroup?: string } = {}): Subscription {
    const { queueGroup } = options;
    const listener: Listener = { subject, queueGroup, link: this.link, handler, arrivals: new Map() };
    if (!this.#isStopped && !this.#life.isDead) {
      this.#own.add(listener);
      this.#network.add(listener);
    }
    return { stop: () => this.#remove(listener) };
  }

  request(
    subject: string,
    body: unknown,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<RequestResult> {
    if (this.#life.isDead) return never();
    return new Promise((resolve) => {
      const reply = this.newInbox();
      const settle = (result: RequestResult): void => {
        timer.cancel();
        subscription.stop();
        resolve(result);
      };
      const timer = this.#life.after(options.timeoutMs, () => settle({ kind: 'timeout' }));
      const subscription = this.subscribe(reply, (message) => settle({ kind: 'answer', body: message.body }));
      const receiverCount = this.#send(subject, body, reply);
      if (receiverCount === 0) this.link.toLife(() => settle({ kind: 'noResponders' }));
    });
  }

  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.link.toLife(resolve);
    });
  }

  status(): 'connected' | 'away' {
    return this.#isStopped ? 'away' : this.link.status;
  }

  onStatus(listener: (status: 'connected' | 'away') => void): void {
    this.link.onStatus(listener);
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    for (const listener of this.#own) this.#remove(listener);
    return Promise.resolve();
  }

  /** Undefined when it did not reach the server. */
  #send(subject: string, body: unknown, reply: string | undefined): number | undefined {
    if (this.#isStopped || !this.#life.acts()) return undefined;
    this.#network.observe({ life: this.#life, subject, body, reply });
    if (this.link.state === 'up') return this.#network.send(this.link, subject, body, reply);
    if (this.link.state === 'hung') this.link.toServer(() => this.#network.send(this.link, subject, body, reply));
    return undefined;
  }

  #remove(listener: Listener): void {
    this.#own.delete(listener);
    this.#network.remove(listener);
  }
}
