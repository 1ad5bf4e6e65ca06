/** IANA names of time zones: `UTC`, `Europe/Berlin`. */
import { z } from 'zod';

const namePattern = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/** A name by its form alone: a definition that was stored once can be read anywhere. */
export const timeZoneSchema = z.string().max(64).regex(namePattern, 'a time zone is a name like UTC or Europe/Berlin');

/** A name that this runtime knows: what users write is checked with it. */
export const knownTimeZoneSchema = timeZoneSchema.refine(
  isKnown,
  'there is no such time zone; names are like UTC or Europe/Berlin',
);

function isKnown(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // The runtime answers a name that it does not know with a RangeError.
  }
}
