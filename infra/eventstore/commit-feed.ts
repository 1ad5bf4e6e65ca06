/** Tells subscriptions what has been committed: those of $all everything, those of a stream only its own. */
import type { CommittedAppend } from './event-writer.ts';

export type CommitListener = (appends: readonly CommittedAppend[]) => void;

export class CommitFeed {
  private readonly ofAll = new Set<CommitListener>();
  private readonly ofStreams = new Map<string, Set<CommitListener>>();

  /** `streamName` undefined listens to everything. Returns how to stop. */
  listen(streamName: string | undefined, listener: CommitListener): () => void {
    const listeners = streamName === undefined ? this.ofAll : this.listenersOf(streamName);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (streamName !== undefined && listeners.size === 0) this.ofStreams.delete(streamName);
    };
  }

  publish(appends: readonly CommittedAppend[]): void {
    for (const listener of this.ofAll) listener(appends);
    if (this.ofStreams.size === 0) return;
    for (const append of appends) {
      for (const listener of this.ofStreams.get(append.streamName) ?? []) listener([append]);
    }
  }

  private listenersOf(streamName: string): Set<CommitListener> {
    const known = this.ofStreams.get(streamName);
    if (known !== undefined) return known;
    const listeners = new Set<CommitListener>();
    this.ofStreams.set(streamName, listeners);
    return listeners;
  }
}
