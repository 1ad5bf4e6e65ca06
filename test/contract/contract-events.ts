/** Events for contract tests. */
import { randomUUID } from 'node:crypto';
import type { EventId, Incarnation, MasterId } from '../../schemas/ids.ts';
import type { NewEvent } from '../../src/journal/journal.port.ts';

export function newEvent(data: object = {}, type = 'ContractTested'): NewEvent {
  return {
    id: randomUUID() as EventId,
    type,
    data,
    metadata: {
      schemaVersion: 1,
      epoch: 1,
      master: 'contract-1' as MasterId,
      incarnation: '0198c0de-0000-7000-8000-000000000000' as Incarnation,
      correlationId: 'contract',
      causationId: 'contract',
      decidedAt: 1_790_000_000_000,
    },
  };
}

export function newEvents(count: number, type?: string): NewEvent[] {
  return Array.from({ length: count }, (_, index) => newEvent({ index }, type));
}

export function newStream(kind = 'contract'): string {
  return `${kind}-${randomUUID()}`;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
