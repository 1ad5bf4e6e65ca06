/** System streams and what `$$<stream>` says about the visibility of a stream's events. */

export const METADATA_EVENT_TYPE = '$metadata';
export const TOMBSTONE_EVENT_TYPE = '$streamDeleted';
export const LINK_EVENT_TYPE = '$>';
const METASTREAM_PREFIX = '$$';

export type StreamMetadata = {
  /** Whether a metadata event exists at all. */
  readonly isPresent: boolean;
  readonly maxCount: number;
  readonly maxAgeMs: number;
  /** Events below this revision are hidden; infinite after a soft delete. */
  readonly truncateBefore: number;
};

const NO_LIMIT = { maxCount: Number.POSITIVE_INFINITY, maxAgeMs: Number.POSITIVE_INFINITY, truncateBefore: 0 };
export const NO_METADATA: StreamMetadata = { isPresent: false, ...NO_LIMIT };
/** A metadata stream shows its last event only. */
export const METASTREAM_METADATA: StreamMetadata = { ...NO_METADATA, maxCount: 1 };

export const isMetastream = (streamName: string): boolean => streamName.startsWith(METASTREAM_PREFIX);
export const metastreamOf = (streamName: string): string => METASTREAM_PREFIX + streamName;
export const streamOfMetastream = (metastreamName: string): string => metastreamName.slice(METASTREAM_PREFIX.length);

export const isValidStreamName = (streamName: string): boolean => streamName !== '' && streamName !== METASTREAM_PREFIX;

/** Content that is no JSON object, or limits that are no numbers, hide nothing. */
export const parseStreamMetadata = (content: Buffer): StreamMetadata => {
  const fields = parseObject(content);
  const truncateBefore = numberIn(fields, '$tb', 0);
  return {
    isPresent: true,
    maxCount: numberIn(fields, '$maxCount', NO_LIMIT.maxCount),
    maxAgeMs: numberIn(fields, '$maxAge', NO_LIMIT.maxAgeMs) * 1000,
    // JSON numbers lose 2^63-1, the mark of a soft delete, to rounding: everything that large means it.
    truncateBefore: truncateBefore > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : truncateBefore,
  };
};

export const SOFT_DELETE_METADATA: Buffer = Buffer.from('{"$tb":9223372036854775807}');

export const truncateBeforeMetadata = (revision: number): Buffer => Buffer.from(JSON.stringify({ $tb: revision }));

const parseObject = (content: Buffer): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(content.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {}; // Metadata is the users' own text; what is no JSON sets no limits.
  }
};

const numberIn = (fields: Readonly<Record<string, unknown>>, name: string, otherwise: number): number => {
  const value = fields[name];
  return typeof value === 'number' && value > 0 ? value : otherwise;
};
