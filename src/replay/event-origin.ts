/** Who decided an event and because of what, from its metadata, in words. */
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { RunEvent } from './run-history.ts';

/** As far as the metadata can be read: old histories may lack parts. */
export function metadataOf({ metadata }: RunEvent): Partial<EventMetadata> {
  return typeof metadata === 'object' && metadata !== null ? (metadata as Partial<EventMetadata>) : {};
}

/** What made the owner decide: the first word of a causation id, and what it means. */
const triggers: Readonly<Record<string, string>> = {
  report: 'a report of the worker',
  accepted: 'the worker took the offer',
  rejected: 'the worker refused the offer, or did not answer it',
  cancelled: 'the worker had cancelled the attempt',
  lost: 'the worker of the attempt is gone',
  returned: 'the worker is here again',
  timer: 'a timer of the owner',
  command: 'a command',
  takeover: 'the claim of a new owner',
  pending: 'what a new owner found owed',
  slots: 'a task was ready to begin',
  slot: 'the answer of a task group',
  held: 'no worker could take the task',
  child: 'the end of a child run',
  dependent: 'other runs that were waited for',
  admitted: 'its turn among the runs of the workflow',
  discarded: 'the concurrency policy of the workflow',
};

/** `a report of the worker (report.0193....3)`; a message of the caller has an id of its own. */
export function triggerText(causationId: string): string {
  const [kind = ''] = causationId.split('.');
  const words = Object.hasOwn(triggers, kind) ? triggers[kind] : undefined;
  return words === undefined ? `the message ${causationId}` : `${words} (${causationId})`;
}
