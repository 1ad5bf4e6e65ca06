/**
 * `yarn`: an application by `yarn jar`. YARN has no option for the tag that every program knows: one that is to be found by its
 * tag takes it from MILLRACE_ATTEMPT_ID.
 */
import type { CommandTaskTypeOptions } from '../command-task.ts';
import { applicationOf, createSubmittingTaskType, type SubmittingSettings } from '../submitting/submitting-task.ts';
import type { TaskType } from '../task-type.port.ts';

export function createYarnTaskType(options: CommandTaskTypeOptions): TaskType {
  return createSubmittingTaskType('yarn', wordsOf, options);
}

function wordsOf(settings: SubmittingSettings<'yarn'>): string[] {
  const main = settings.mainClass === undefined ? [] : [settings.mainClass];
  const client = [settings.program ?? 'yarn', 'jar', applicationOf(settings), ...main];
  return [...client, ...settings.options, ...settings.args];
}
