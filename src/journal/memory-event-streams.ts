/** The streams of the journal in memory: one array for all events, one of places in it for each stream. */
import type { EventId } from '../../schemas/ids.ts';
import type { AllFilter, AppendResult, ExpectedRevision, JournalPosition, RecordedEvent } from './journal.port.ts';

/** An event as text, so that nothing is shared with who wrote or reads it. */
export type PreparedEvent = { id: EventId; type: string; dataText: string; metadataText: string };

type StoredEvent = PreparedEvent & { stream: string; revision: number; recordedAt: number; position: number };

/** Positions begin above 0 and have gaps, so that code which counts with them fails in tests. */
const firstPosition = 1_000;
const positionStep = 37;

export class MemoryEventStreams {
  private readonly all: StoredEvent[] = [];
  private readonly streams = new Map<string, StoredEvent[]>();
  private readonly sleepers = new Set<() => void>();

  /** Checks and writes as EventStoreDB does: a repetition of what stands there already succeeds (J3). */
  append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly PreparedEvent[],
    recordedAt: number,
  ): AppendResult {
    const written = this.streams.get(stream) ?? [];
    const last = written.length - 1;
    const conflict: AppendResult = { kind: 'conflict', actual: last < 0 ? undefined : last };
    if (expected === 'any') {
      const first = events[0];
      const at = first === undefined ? -1 : written.findIndex((event) => event.id === first.id);
      if (at >= 0)
        return standsAt(written, at, events) ? { kind: 'appended', revision: at + events.length - 1 } : conflict;
    } else {
      const expectedLast = expected === 'none' ? -1 : expected;
      if (expectedLast > last) return conflict;
      if (expectedLast < last) {
        const isRepetition = standsAt(written, expectedLast + 1, events);
        return isRepetition ? { kind: 'appended', revision: expectedLast + events.length } : conflict;
      }
    }
    this.write(stream, events, recordedAt);
    return { kind: 'appended', revision: last + events.length };
  }

  streamNames(): string[] {
    return [...this.streams.keys()];
  }

  eventAt(stream: string, revision: number): RecordedEvent | undefined {
    const stored = this.streams.get(stream)?.[revision];
    return stored && toRecorded(stored);
  }

  lastRevision(stream: string): number {
    return (this.streams.get(stream)?.length ?? 0) - 1;
  }

  /** Place in the order of all events of the first one after the position. */
  indexAfter(position: JournalPosition | undefined): number {
    if (position === undefined) return 0;
    return Math.min(this.all.length, Math.floor((Number(position) - firstPosition) / positionStep) + 1);
  }

  get eventCount(): number {
    return this.all.length;
  }

  positionAt(index: number): JournalPosition {
    return String(firstPosition + index * positionStep);
  }

  /** The event at that place, or undefined where the filter does not pass it. */
  filteredAt(index: number, filter: AllFilter): RecordedEvent | undefined {
    const stored = this.all[index];
    return stored && passes(stored, filter) ? toRecorded(stored) : undefined;
  }

  eventsOf(stream: string): RecordedEvent[] {
    return (this.streams.get(stream) ?? []).map(toRecorded);
  }

  /** Resolves at the next write or wake, or when the signal aborts. */
  nextWrite(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.sleepers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.sleepers.add(wake);
      signal?.addEventListener('abort', wake);
      if (signal?.aborted) wake();
    });
  }

  wake(): void {
    for (const wake of [...this.sleepers]) wake();
  }

  private write(stream: string, events: readonly PreparedEvent[], recordedAt: number): void {
    const written = this.streams.get(stream) ?? [];
    this.streams.set(stream, written);
    for (const event of events) {
      const position = firstPosition + this.all.length * positionStep;
      const stored = { ...event, stream, revision: written.length, recordedAt, position };
      written.push(stored);
      this.all.push(stored);
    }
    this.wake();
  }
}

function standsAt(written: readonly StoredEvent[], at: number, events: readonly PreparedEvent[]): boolean {
  return events.length > 0 && events.every((event, index) => written[at + index]?.id === event.id);
}

function passes(event: StoredEvent, filter: AllFilter): boolean {
  const name = filter.kind === 'streamPrefix' ? event.stream : event.type;
  return filter.prefixes.some((prefix) => name.startsWith(prefix));
}

function toRecorded(stored: StoredEvent): RecordedEvent {
  return {
    stream: stored.stream,
    revision: stored.revision,
    id: stored.id,
    type: stored.type,
    data: JSON.parse(stored.dataText),
    metadata: JSON.parse(stored.metadataText),
    recordedAt: stored.recordedAt,
    position: String(stored.position),
  };
}
