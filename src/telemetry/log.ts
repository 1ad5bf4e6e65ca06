/** The log: fixed messages with fields, never prose with values inside. No secrets, no payloads. */

export type LogFields = Record<string, unknown>;

/** error: a person must act. warn: degraded. info: lifecycle. debug: per message. */
export type Log = {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  child(fields: LogFields): Log;
};

const nothing = (): void => {};

/** For tests and for code that runs without a process around it. */
export const silentLog: Log = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  child: () => silentLog,
};
