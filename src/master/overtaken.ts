/** Whether another master has taken a run without this one noticing: one that only waits appends nothing, and so sees no conflict. */
import { z } from 'zod';
import { instanceStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { LiveInstance } from './live-instance.ts';

const authorSchema = z.object({ epoch: z.int() });

/** I1: the journal decides. The last event of the stream has the epoch of its owner. */
export async function isOvertaken(journal: Journal, { id, snapshot }: LiveInstance): Promise<boolean> {
  for await (const { metadata } of journal.read(instanceStream(id), { direction: 'backwards', limit: 1 })) {
    return authorSchema.parse(metadata).epoch > snapshot.context.epoch;
  }
  return false;
}
