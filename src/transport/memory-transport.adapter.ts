/**
 * NATS in memory: any number of connections on one network. Bodies pass through JSON, so nothing is shared by reference.
 *
 * M1 The receivers of a message are chosen when it is published; each delivery is one call of `schedule`.
 * M2 A delivery that was scheduled before its subscription stopped is still made; after the connection was cut, not.
 * M3 Of a queue group one member receives, in turn, so that a run with the same schedule is the same run.
 */
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import { hasWildcard, matchesSubject } from './subject-match.ts';
import type { IncomingMessage, MessageHandler, RequestResult, Subscription, Transport } from './transport.port.ts';

/** What a `schedule` may look at to delay, drop or double a delivery. */
export type MemoryDelivery = { subject: string; from: string; to: string };

export type MemoryNetworkOptions = {
  clock: Clock;
  /** Calls back later, once. Default: `setImmediate`. A simulation may drop, delay, double or reorder. */
  schedule?: (callback: () => void, delivery: MemoryDelivery) => void;
  /** What a handler of messages threw. Default: thrown on, out of the `schedule`. */
  onFault?: (fault: unknown) => void;
};

export type MemoryNetwork = {
  connect(name: string): Transport;
  /** Cuts the connections of that name off the network, or lets them back. What is sent meanwhile is lost. */
  setAway(name: string, isAway: boolean): void;
  /** The process is gone at once: its subscriptions vanish, its requests are never answered. */
  kill(name: string): void;
};

type Member = { pattern: string; queueGroup: string | undefined; connection: MemoryTransport; handler: MessageHandler };
type Envelope = { subject: string; bodyText: string | undefined; reply: string | undefined };

export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const switchboard = new Switchboard(options);
  const connections: MemoryTransport[] = [];
  const named = (name: string) => connections.filter((connection) => connection.name === name);
  return {
    connect: (name) => {
      const connection = new MemoryTransport(name, switchboard, options.clock);
      connections.push(connection);
      return connection;
    },
    setAway: (name, isAway) => {
      for (const connection of named(name)) connection.setAway(isAway);
    },
    kill: (name) => {
      for (const connection of named(name)) connection.cut();
    },
  };
}

/** The server: who listens where, and whose turn it is in a queue group. */
class Switchboard {
  private readonly exact = new Map<string, Set<Member>>();
  private readonly wild = new Set<Member>();
  private readonly turns = new Map<string, number>();
  private readonly schedule: (callback: () => void, delivery: MemoryDelivery) => void;
  readonly onFault: (fault: unknown) => void;
  private inboxCount = 0;

  constructor(options: MemoryNetworkOptions) {
    this.onFault = options.onFault ?? throwOn;
    this.schedule = options.schedule ?? ((callback) => void setImmediate(callback));
  }

  nextInbox(): string {
    this.inboxCount += 1;
    return `_INBOX.memory.${this.inboxCount}`;
  }

  add(member: Member): void {
    if (hasWildcard(member.pattern)) {
      this.wild.add(member);
      return;
    }
    const members = this.exact.get(member.pattern) ?? new Set();
    this.exact.set(member.pattern, members.add(member));
  }

  remove(member: Member): void {
    this.wild.delete(member);
    const members = this.exact.get(member.pattern);
    if (members?.delete(member) && members.size === 0) this.exact.delete(member.pattern);
  }

  /** Returns how many receive it (M1). */
  send(from: MemoryTransport, envelope: Envelope): number {
    const receivers = this.receiversOf(envelope.subject);
    for (const receiver of receivers) {
      this.later(from.name, receiver.connection.name, envelope.subject, () =>
        receiver.connection.take(receiver, envelope),
      );
    }
    return receivers.length;
  }

  later(from: string, to: string, subject: string, callback: () => void): void {
    this.schedule(callback, { subject, from, to });
  }

  private receiversOf(subject: string): Member[] {
    const reachable = [
      ...(this.exact.get(subject) ?? []),
      ...[...this.wild].filter((member) => matchesSubject(member.pattern, subject)),
    ].filter((member) => member.connection.status() === 'connected');
    const groups = new Map<string, Member[]>();
    for (const member of reachable) {
      if (member.queueGroup === undefined) continue;
      const key = `${member.pattern} ${member.queueGroup}`;
      groups.set(key, [...(groups.get(key) ?? []), member]);
    }
    const chosen = [...groups].map(([key, members]) => this.nextOf(key, members));
    return [...reachable.filter((member) => member.queueGroup === undefined), ...chosen];
  }

  private nextOf(key: string, members: Member[]): Member {
    const turn = this.turns.get(key) ?? 0;
    this.turns.set(key, turn + 1);
    return members[turn % members.length] as Member;
  }
}

class MemoryTransport implements Transport {
  readonly name: string;
  private readonly switchboard: Switchboard;
  private readonly clock: Clock;
  private readonly members = new Set<Member>();
  private readonly listeners: ((status: 'connected' | 'away') => void)[] = [];
  private isAway = false;
  private isStopped = false;
  private isCut = false;

  constructor(name: string, switchboard: Switchboard, clock: Clock) {
    this.name = name;
    this.switchboard = switchboard;
    this.clock = clock;
  }

  publish(subject: string, body: unknown, options: { reply?: string } = {}): void {
    this.send(subject, body, options.reply);
  }

  newInbox(): string {
    return this.switchboard.nextInbox();
  }

  subscribe(subject: string, handler: MessageHandler, options: { queueGroup?: string } = {}): Subscription {
    const member: Member = { pattern: subject, queueGroup: options.queueGroup, connection: this, handler };
    if (!this.isStopped) {
      this.members.add(member);
      this.switchboard.add(member);
    }
    return { stop: () => this.remove(member) };
  }

  request(
    subject: string,
    body: unknown,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<RequestResult> {
    if (this.isStopped) return Promise.reject(stoppedError());
    return new Promise((resolve) => {
      const reply = this.newInbox();
      const settle = (result: RequestResult): void => {
        timer.cancel();
        subscription.stop();
        options.signal?.removeEventListener('abort', abort);
        if (!this.isCut) resolve(result);
      };
      const abort = (): void => settle({ kind: 'timeout' });
      const timer = this.clock.after(options.timeoutMs, abort);
      const subscription = this.subscribe(reply, (message) => settle({ kind: 'answer', body: message.body }));
      options.signal?.addEventListener('abort', abort);
      if (options.signal?.aborted) return abort();
      if (this.send(subject, body, reply) > 0 || this.isAway) return;
      this.switchboard.later(this.name, this.name, reply, () => settle({ kind: 'noResponders' }));
    });
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.switchboard.later(this.name, this.name, '', resolve));
  }

  status(): 'connected' | 'away' {
    return this.isAway || this.isStopped ? 'away' : 'connected';
  }

  onStatus(listener: (status: 'connected' | 'away') => void): void {
    this.listeners.push(listener);
  }

  async stop(_deadlineMs: number): Promise<void> {
    if (this.isStopped) return;
    for (const member of this.members) this.remove(member);
    await this.flush();
    this.isStopped = true;
  }

  take(member: Member, envelope: Envelope): void {
    if (this.isCut || this.isAway) return;
    try {
      member.handler(openEnvelope(envelope));
    } catch (fault) {
      this.switchboard.onFault(fault);
    }
  }

  setAway(isAway: boolean): void {
    if (this.isAway === isAway) return;
    this.isAway = isAway;
    for (const listener of this.listeners) listener(isAway ? 'away' : 'connected');
  }

  cut(): void {
    this.isCut = true;
    this.isStopped = true;
    for (const member of this.members) this.remove(member);
  }

  private send(subject: string, body: unknown, reply: string | undefined): number {
    if (this.isAway || this.isStopped) return 0;
    return this.switchboard.send(this, {
      subject,
      bodyText: body === undefined ? undefined : JSON.stringify(body),
      reply,
    });
  }

  private remove(member: Member): void {
    this.members.delete(member);
    this.switchboard.remove(member);
  }
}

function openEnvelope(envelope: Envelope): IncomingMessage {
  const { subject, reply } = envelope;
  const body: unknown = envelope.bodyText === undefined ? undefined : JSON.parse(envelope.bodyText);
  return { subject, body, reply, traceparent: undefined };
}

function stoppedError(): AppError {
  return new AppError('NATS_UNAVAILABLE', 'The connection to NATS was stopped; no request can be sent on it.');
}

function throwOn(fault: unknown): never {
  throw fault;
}
