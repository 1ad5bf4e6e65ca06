/**
 * The events of one run, each once and in order, as they happen. Messages are fast but may be lost, doubled or early;
 * the events query is the truth.
 *
 * F1 The subscription exists before the first question, so every event is in an answer or in a later message.
 * F2 An event is delivered when its revision is the next one; earlier revisions are repetitions and are dropped.
 * F3 A later revision means a gap: it is kept, and the gap is asked for. Dropping a kept event is always safe.
 * F4 One question at a time. What arrives meanwhile is kept, or makes one more question.
 * F5 The end is an event that ends the run, after everything that is known behind it was delivered.
 */
import type { InstanceId } from '../../schemas/ids.ts';
import { type EventView, eventViewSchema } from '../../schemas/messages/client.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { EndedStatus } from './exit-codes.ts';
import { limits } from './limits.ts';
import type { MasterClient } from './master-client.ts';

export type FollowOptions = {
  transport: Transport;
  client: Pick<MasterClient, 'events'>;
  clock: Clock;
  instance: InstanceId;
  signal: AbortSignal;
  onEvent(event: EventView): void;
  /** A question failed in a way that may pass; it is asked again. Called once for each time without answers. */
  onTrouble(fault: AppError): void;
};

const endingTypes: Readonly<Record<string, EndedStatus>> = {
  WorkflowSucceeded: 'succeeded',
  WorkflowFailed: 'failed',
  WorkflowStopped: 'stopped',
};

/** Resolves to how the run ended; rejects with the signal's reason, or with a fault that does not pass. */
export function followEvents(options: FollowOptions): Promise<EndedStatus> {
  return new Promise((resolve, reject) => new EventFollower(options, { resolve, reject }).start());
}

class EventFollower {
  private readonly options: FollowOptions;
  private readonly settle: { resolve(status: EndedStatus): void; reject(reason: unknown): void };
  private readonly early = new Map<number, EventView>();
  private readonly stops: (() => void)[] = [];
  private nextRevision = 0;
  private ended: EndedStatus | undefined;
  private isAsking = false;
  private isAskedAgain = false;
  private isDone = false;
  private failureCount = 0;
  private nextQuestion: Timer | undefined;

  constructor(options: FollowOptions, settle: EventFollower['settle']) {
    this.options = options;
    this.settle = settle;
  }

  start(): void {
    const { transport, instance, signal } = this.options;
    const abort = (): void => this.finish(() => this.settle.reject(signal.reason));
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    this.stops.push(() => signal.removeEventListener('abort', abort));
    const subscription = transport.subscribe(subjects.events('*', instance, '*'), (message) => this.take(message.body));
    this.stops.push(() => subscription.stop());
    transport.onStatus((status) => {
      if (status === 'connected') this.ask();
    });
    // F1: the server must know of the interest before the question overtakes it.
    transport.flush().then(
      () => this.ask(),
      (fault: unknown) => this.fail(fault),
    );
  }

  private take(body: unknown): void {
    const parsed = eventViewSchema.safeParse(body);
    // What cannot be read leaves a gap, and the gap is asked for (F3).
    if (!parsed.success || this.isDone) return;
    this.keep(parsed.data);
    try {
      this.deliver();
    } catch (fault) {
      // A fault of the receiver ends the following; it must not end the connection.
      this.fail(fault);
    }
    if (this.early.size > 0) this.ask();
    this.endIfOver();
  }

  private keep(event: EventView): void {
    if (event.revision < this.nextRevision) return;
    if (this.early.size < limits.earlyEventsMax) this.early.set(event.revision, event);
  }

  private deliver(): void {
    for (
      let event = this.early.get(this.nextRevision);
      event !== undefined;
      event = this.early.get(this.nextRevision)
    ) {
      this.early.delete(event.revision);
      this.nextRevision += 1;
      // An ended run that was opened again goes on.
      this.ended = event.type === 'WorkflowReopened' ? undefined : (endingTypes[event.type] ?? this.ended);
      this.options.onEvent(event);
    }
  }

  private ask(): void {
    if (this.isDone) return;
    if (this.isAsking) {
      this.isAskedAgain = true;
      return;
    }
    this.isAsking = true;
    this.nextQuestion?.cancel();
    this.askOnce().then(
      (isMore) => this.answered(isMore),
      (fault: unknown) => this.fail(fault),
    );
  }

  /** Reads one page; resolves to whether another one should be read at once. */
  private async askOnce(): Promise<boolean> {
    const from = this.nextRevision;
    const page = await this.options.client.events({ instance: this.options.instance, from });
    if (this.isDone) return false;
    for (const event of page.events) this.takeFromPage(event);
    this.deliver();
    return page.more && this.nextRevision > from;
  }

  /** A page is always taken in: the bound on early events is for messages. */
  private takeFromPage(event: EventView): void {
    if (event.revision >= this.nextRevision) this.early.set(event.revision, event);
  }

  private answered(isMore: boolean): void {
    if (this.isDone) return;
    this.isAsking = false;
    this.failureCount = 0;
    if (isMore || this.isAskedAgain) {
      this.isAskedAgain = false;
      this.ask();
      return;
    }
    this.endIfOver();
    // A gap that the answer did not fill is about to be written; it is asked for again soon.
    this.askLater(this.early.size > 0 ? limits.followRetryDelayMs : limits.safetyIntervalMs);
  }

  private askLater(delayMs: number): void {
    if (this.isDone) return;
    this.nextQuestion?.cancel();
    this.nextQuestion = this.options.clock.after(delayMs, () => this.ask());
  }

  private fail(fault: unknown): void {
    if (this.isDone) return;
    this.isAsking = false;
    this.isAskedAgain = false;
    if (!(fault instanceof AppError) || !fault.isRetryable || fault.code === 'INTERNAL') {
      this.finish(() => this.settle.reject(fault));
      return;
    }
    this.failureCount += 1;
    if (this.failureCount === 1) this.options.onTrouble(fault);
    this.askLater(Math.min(limits.safetyIntervalMs, limits.followRetryDelayMs * 2 ** (this.failureCount - 1)));
  }

  private endIfOver(): void {
    const { ended } = this;
    if (ended === undefined || this.early.size > 0 || this.isAsking || this.isDone) return;
    this.finish(() => this.settle.resolve(ended));
  }

  private finish(settle: () => void): void {
    if (this.isDone) return;
    this.isDone = true;
    this.nextQuestion?.cancel();
    for (const stop of this.stops) stop();
    settle();
  }
}
