/**
 * Task types that submit an application with the client of a cluster. The client is a program with arguments, each of them
 * one word whatever is in it; it bears the id of the attempt as tag, so that the application is found by it. A raw command is
 * the user's own: it finds the tag in MILLRACE_ATTEMPT_ID.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientName } from '../../../schemas/clusters/application-ids.ts';
import type {
  FlinkSettings,
  MapreduceSettings,
  SparkSettings,
  YarnSettings,
} from '../../../schemas/definition/submitting-settings.ts';
import type { Offer } from '../../../schemas/messages/attempt.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { type CommandTaskTypeOptions, createCommandTaskType } from '../command-task.ts';
import { filledCommand } from '../filled-command.ts';
import { filledSettings } from '../filled-settings.ts';
import { quotedWords } from '../quoted-words.ts';
import { settingsOf } from '../settings-of.ts';
import type { TaskType } from '../task-type.port.ts';

type Settings = {
  spark: SparkSettings;
  flink: FlinkSettings;
  mapreduce: MapreduceSettings;
  yarn: YarnSettings;
};

export type SubmittingSettings<T extends ClientName> = Settings[T];

export type Submitting = {
  /** The tag of the application. */
  tag: string;
  /** Its name, where the task gives none. */
  name: string;
  /** Writes a text to a file of the attempt, and says where it is. */
  write(file: string, text: string): string;
};

/** @param wordsOf the client and its arguments, from settings in which placeholders are filled in */
export function createSubmittingTaskType<T extends ClientName>(
  type: T,
  wordsOf: (settings: SubmittingSettings<T>, submitting: Submitting) => string[],
  options: CommandTaskTypeOptions,
): TaskType {
  // Reason for the cast: the compiler does not see for any `T` that the settings of the type are those of the list.
  const of = (offer: Offer) => settingsOf(offer, type) as unknown as SubmittingSettings<T>;
  return createCommandTaskType(
    {
      type,
      commandOf: (offer, { scope, folder }) => {
        const settings = of(offer);
        if (settings.command !== undefined) return settings.command;
        const write = (file: string, text: string): string => {
          const path = join(folder.root, file);
          writeFileSync(path, text, { mode: ownerOnly });
          return path;
        };
        // SQL has variables of its own: names that are not known are left to it.
        const sql = (text: string): string => filledCommand(text, offer, scope);
        const { attemptId: tag, workflow, task } = offer;
        const words = wordsOf(filledSettings(settings, scope, { sql }), { tag, name: `${workflow}.${task}`, write });
        return `exec ${quotedWords(words)}`;
      },
      graceMsOf: (offer) => of(offer).graceMs,
      submissionOf: (offer) => ({ cluster: of(offer).cluster, client: type }),
    },
    options,
  );
}

const ownerOnly = 0o600;

/** Words of an option that is only there when its value is. */
export function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [name, String(value)];
}

/** `-Dname=value` for each. */
export function properties(values: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`-D${name}=${value}`]));
}

/** The tag beside those that the task gives. */
export function withTag(given: string | undefined, tag: string): string {
  return given === undefined || given === '' ? tag : `${given},${tag}`;
}

/** @throws AppError when the settings come from a newer master that knows other forms */
export function applicationOf({ application }: { application?: string | undefined }): string {
  if (application !== undefined) return application;
  throw new AppError('TASK_START_FAILED', 'expected an application to be run, found none in the settings of the task');
}
