/**
 * One streaming call of the store client, read item by item.
 *
 * C1 It is cancelled when it is left, at whatever point: the client does not do so, and a connection carries a hundred
 *    calls only.
 * C2 Notes (a checkpoint, "caught up") come in their place between the items. The client tells them as it parses them,
 *    ahead of the items that wait in its buffer.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../clock/clock.port.ts';

/** What a read or a subscription of the client has in common. */
type ClientStream = Readable & { cancel?(): Promise<void>; unsubscribe?(): Promise<void> };

export class StoreCall<Item, Note = never> {
  private readonly stream: ClientStream;
  private readonly notes: { afterCount: number; note: Note }[] = [];
  private takenCount = 0;
  private fault: unknown;
  private isOver = false;
  private wake: () => void = () => undefined;

  constructor(stream: ClientStream) {
    this.stream = stream;
    stream.on('readable', () => this.wake());
    stream.on('end', () => this.end(undefined));
    stream.on('close', () => this.end(undefined));
    // It stays on for good: an error that comes after the call was left would end the process.
    stream.on('error', (fault) => this.end(fault));
  }

  /** To be called by the client's own events only: places the note behind what has been parsed so far (C2). */
  note(note: Note): void {
    this.notes.push({ afterCount: this.takenCount + this.stream.readableLength, note });
    this.wake();
  }

  /** The next that is there already. */
  take(): { item: Item } | { note: Note } | undefined {
    const [next] = this.notes;
    if (next !== undefined && next.afterCount <= this.takenCount) {
      this.notes.shift();
      return { note: next.note };
    }
    const item: Item | null = this.stream.read();
    if (item === null) return undefined;
    this.takenCount += 1;
    return { item };
  }

  /** Waits until there may be more to take, or the signal aborts; false when all has been taken. Throws the call's fault. */
  more(limit: { clock: Clock; signal: AbortSignal | undefined; silenceMaxMs?: number }): Promise<boolean> {
    if (this.fault !== undefined) return Promise.reject(this.fault);
    if (this.isOver) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const { clock, signal, silenceMaxMs } = limit;
      const end = (conclude: () => void): void => {
        this.wake = () => undefined;
        timer?.cancel();
        signal?.removeEventListener('abort', wake);
        conclude();
      };
      const wake = (): void => end(() => resolve(true));
      const beSilent = (): void => end(() => reject(new Error(`the store sent nothing for ${silenceMaxMs} ms`)));
      const timer = silenceMaxMs === undefined ? undefined : clock.after(silenceMaxMs, beSilent);
      this.wake = wake;
      signal?.addEventListener('abort', wake);
      if (signal?.aborted) wake();
    });
  }

  /** Idempotent (C1). What has ended well needs no more. */
  leave(): void {
    if (this.stream.readableEnded && this.fault === undefined) return;
    const left = this.stream.unsubscribe?.() ?? this.stream.cancel?.();
    // A call that was never made cannot be cancelled, and needs not be.
    void left?.catch(() => undefined);
  }

  private end(fault: unknown): void {
    this.isOver = true;
    this.fault ??= fault;
    this.wake();
  }
}
