/**
 * A task type that others have written: what a package gives under the name `taskPlugin`. The packages are named in the
 * configuration (`plugins`); masters check settings with them, workers run tasks with them.
 */
import type { JsonRecord } from '../../../schemas/json.ts';

export type PluginFault = {
  /** Where in the settings: `['rows', 0]`. Empty: the whole of them. */
  path: readonly (string | number)[];
  /** What was expected, and what came. */
  message: string;
  /** What to do about it. */
  remedy?: string;
};

export interface TaskPlugin {
  /** Of this interface. */
  readonly apiVersion: 1;
  /** As tasks name it: small letters, digits and `-`. */
  readonly name: string;
  /** One sentence for people. */
  readonly description?: string;
  /** JSON Schema (draft 7) of the settings, for editors: `millrace schema` has it. What counts is `check`. */
  readonly settingsSchema?: JsonRecord;
  /** What is wrong with settings as they are written, placeholders included. Called by masters, at registration. */
  check(settings: JsonRecord): readonly PluginFault[];
  /** Runs one attempt; resolves to its outputs. A fault fails the attempt with its message. */
  start(context: PluginContext): Promise<JsonRecord>;
  /** Takes an attempt up again that an earlier life of the worker had started. Absent: such attempts are lost. */
  adopt?(context: PluginContext): Promise<JsonRecord>;
}

export interface PluginContext {
  /** With placeholders filled in. */
  readonly settings: JsonRecord;
  readonly workflow: string;
  readonly instance: string;
  readonly task: string;
  /** From 1. */
  readonly attempt: number;
  /** The same when a restarted worker adopts the attempt: what it names at a remote place is found again. */
  readonly attemptId: string;
  /** The same for each try of the task. */
  readonly idempotencyKey: string | undefined;
  /** Aborted when the attempt is cancelled. What runs elsewhere is to be ended then. */
  readonly signal: AbortSignal;
  /** The attempt's own folder. */
  folder(): string;
  /** Appends to the log of the attempt. */
  writeLog(text: string): void;
  /**
   * The attempt has started this on a cluster: it becomes an event of the run at once, so that the application is found when
   * the worker is gone. Harmless when it is told again. `id` as the cluster writes it: `application_1700000000000_0001`,
   * `job/<namespace>/<name>`, `pod/<namespace>/<name>`.
   */
  foundApplication(application: { cluster: string; id: string }): void;
}

/** By name. */
export type TaskPlugins = ReadonlyMap<string, TaskPlugin>;
