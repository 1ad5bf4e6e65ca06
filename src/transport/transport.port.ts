/** Messages between processes: publish, subscribe, request and reply. At most once; JSON bodies; no order across subjects. */

export type IncomingMessage = {
  subject: string;
  /** Parsed JSON; undefined for an empty body. `badJson` is set when the body is not JSON. */
  body: unknown;
  badJson?: string;
  /** Where an answer goes; undefined when none is wanted. */
  reply: string | undefined;
  traceparent: string | undefined;
};

export type MessageHandler = (message: IncomingMessage) => void;

export type Subscription = {
  /** Takes no more messages; those already received are still handled. Idempotent. */
  stop(): void;
};

export type RequestResult =
  | { kind: 'answer'; body: unknown }
  /** Nobody listens on the subject: known within milliseconds. */
  | { kind: 'noResponders' }
  /** No answer in time: it may have been handled or not. */
  | { kind: 'timeout' };

export interface Transport {
  /** Sends and forgets. Dropped while NATS is away. */
  publish(subject: string, body: unknown, options?: { reply?: string }): void;
  /** A subject of this process's own, for answers that come outside of `request`. */
  newInbox(): string;
  subscribe(subject: string, handler: MessageHandler, options?: { queueGroup?: string }): Subscription;
  request(subject: string, body: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<RequestResult>;
  /** Resolves when everything published before has reached the server. */
  flush(): Promise<void>;
  status(): 'connected' | 'away';
  /** Called at each change of the status. */
  onStatus(listener: (status: 'connected' | 'away') => void): void;
  /** Drains subscriptions, then closes. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
}
