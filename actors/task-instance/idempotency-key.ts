/** What an outside system can tell a repetition by. */
import type { InstanceId, TaskName } from '../../schemas/ids.ts';

/** The same for every attempt of a task until its state is cleared: only then the work is wanted once more. */
export function idempotencyKeyOf(instance: InstanceId, task: TaskName, round: number): string {
  return `${instance}.${task}.${round + 1}`;
}
