/** Where the files of an attempt are. Every part is an id or a name that was checked by its schema. */
import { dirname, join } from 'node:path';
import type { AttemptId, InstanceId, TaskName } from '../../schemas/ids.ts';

export type AttemptPlace = { instance: InstanceId; task: TaskName; attemptId: AttemptId };

export type AttemptPaths = {
  folderOf(place: AttemptPlace): string;
  logOf(place: AttemptPlace): string;
  /** Folders that may be empty once that of the attempt is gone, the inner one first. */
  parentsOf(place: AttemptPlace): string[];
};

export function createAttemptPaths(dataDir: string): AttemptPaths {
  const folderOf = ({ instance, task, attemptId }: AttemptPlace) =>
    join(dataDir, 'attempts', instance, task, attemptId);
  return {
    folderOf,
    logOf: (place) => join(folderOf(place), 'output.log'),
    parentsOf: (place) => {
      const task = dirname(folderOf(place));
      return [task, dirname(task)];
    },
  };
}
