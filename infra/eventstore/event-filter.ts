/** Server-side filters of $all: by stream name or event type, with prefixes or a regular expression. */

export type FilterSubject = 'streamName' | 'eventType';

export type EventFilter = {
  readonly subject: FilterSubject;
  /** A checkpoint is due after this many events looked at, wanted or not. */
  readonly checkpointEveryCount: number;
  readonly accepts: (text: string) => boolean;
};

export type EventFilterOptions = {
  readonly subject: FilterSubject;
  readonly regex: string;
  readonly prefixes: readonly string[];
  readonly checkpointEveryCount: number;
};

/** The expression cannot be compiled. */
class InvalidFilterError extends Error {
  override readonly name = 'InvalidFilterError';
}

/** Without prefixes and expression the filter accepts everything. */
export const eventFilter = (options: EventFilterOptions): EventFilter => {
  const { subject, checkpointEveryCount } = options;
  if (options.regex !== '') {
    const expression = compile(options.regex);
    return { subject, checkpointEveryCount, accepts: (text) => expression.test(text) };
  }
  const prefixes = [...options.prefixes];
  const accepts = (text: string): boolean =>
    prefixes.length === 0 || prefixes.some((prefix) => text.startsWith(prefix));
  return { subject, checkpointEveryCount, accepts };
};

const compile = (regex: string): RegExp => {
  try {
    return new RegExp(regex);
  } catch (cause) {
    throw new InvalidFilterError(`the filter's regular expression cannot be compiled: ${regex}`, { cause });
  }
};
