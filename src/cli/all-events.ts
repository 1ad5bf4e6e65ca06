/** The whole history of a run, page by page. */
import type { InstanceId } from '../../schemas/ids.ts';
import type { EventView } from '../../schemas/messages/client.messages.ts';
import type { MasterClient } from './master-client.ts';

/** @param limit events of one question; a master answers fewer when they are large. */
export async function* allEvents(
  client: Pick<MasterClient, 'events'>,
  instance: InstanceId,
  limit?: number,
): AsyncGenerator<EventView> {
  for (let from = 0; ; ) {
    const page = await client.events({ instance, from, ...(limit === undefined ? {} : { limit }) });
    yield* page.events;
    const last = page.events.at(-1);
    if (!page.more || last === undefined) return;
    from = last.revision + 1;
  }
}
