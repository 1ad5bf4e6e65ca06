/** The id of a run, made of its workflow and key: the same key names the same run for ever (I3). */
import { v5 } from 'uuid';
import type { AttemptId, InstanceId, SubmissionKey, WorkflowName } from '../../schemas/ids.ts';

/** Never changes: it makes instance ids of keys. */
const keyNamespace = '6d696c6c-7261-4365-8000-6b6579732d31';

export function instanceIdOf(workflow: WorkflowName, key: SubmissionKey): InstanceId {
  return v5(`${workflow}\n${key}`, keyNamespace) as InstanceId;
}

/** The submission key of the child run that an attempt of a `workflow` task starts. */
export function childKeyOf(attemptId: AttemptId): SubmissionKey {
  return `child.${attemptId}` as SubmissionKey;
}
