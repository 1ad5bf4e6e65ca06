/** What can become of a write. Expected outcomes are values; only a broken store throws. */

/** Data, metadata and two bytes per character of the type names of one whole append. */
export const MAX_APPEND_SIZE_BYTES = 1_048_576;

export type AppendRejection =
  /** `current` is undefined when the stream does not exist. */
  | { readonly kind: 'wrongExpectedVersion'; readonly current: number | undefined }
  | { readonly kind: 'streamDeleted'; readonly streamName: string }
  | { readonly kind: 'appendTooLarge' }
  | { readonly kind: 'timedOut' }
  | { readonly kind: 'invalidEvent'; readonly reason: string }
  | { readonly kind: 'missingMetadata'; readonly reason: string };

export type AppendOutcome =
  /** `lastRevision` is -1 and `lastPosition` undefined when nothing was written to a stream that does not exist. */
  | { readonly kind: 'written'; readonly lastRevision: number; readonly lastPosition: number | undefined }
  | AppendRejection;
