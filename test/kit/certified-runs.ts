/** Histories with everything that a certificate looks at: a run that its first owner lost, and ways to forge it. */
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId, SubmissionKey } from '../../schemas/ids.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { instanceIdOf } from '../../src/runs/instance-id.ts';
import { ownershipTaken, runEvent, submitted, taskEvent } from '../actors/run-events.ts';
import { taskOf, workflowOf } from './definitions.ts';
import { type Recorded, recordedOf } from './recorded.ts';

export const certifiedDefinition: WorkflowDefinition = workflowOf([taskOf('a'), taskOf('b', ['a'])]);

export const certifiedId = (key: string): InstanceId => instanceIdOf(certifiedDefinition.name, key as SubmissionKey);

/** a is lost with its worker and runs again under a second owner, then b. */
export function certifiedEvents(key: string): WorkflowInstanceEvent[] {
  const definition = { name: certifiedDefinition.name, version: 1, digest: digestOf(certifiedDefinition) };
  const takeover = ownershipTaken(2);
  return [
    { ...submitted, data: { ...submitted.data, definition, key } } as WorkflowInstanceEvent,
    ownershipTaken(1),
    taskEvent('TaskAssigned', 'a', 1),
    taskEvent('TaskAccepted', 'a', 1),
    taskEvent('TaskStarted', 'a', 1),
    { ...takeover, data: { ...takeover.data, evidence: 'master-1 on host-1: last heartbeat 5000 ms ago' } },
    taskEvent('TaskLost', 'a', 1, { evidence: 'no answer within 5000 ms' }),
    taskEvent('TaskAssigned', 'a', 2),
    taskEvent('TaskSucceeded', 'a', 2),
    taskEvent('TaskAssigned', 'b', 3, { attempt: 1 }),
    taskEvent('TaskSucceeded', 'b', 3),
    runEvent('WorkflowSucceeded'),
  ];
}

/** An event of the first owner stands after the fence of the second. */
export function withStaleWrite(history: readonly Recorded[]): Recorded[] {
  return history.map((event) =>
    event.revision === 8 ? { ...event, metadata: { ...event.metadata, epoch: 1 } } : event,
  );
}

export const certifiedHistory = (key: string): Recorded[] =>
  recordedOf(certifiedEvents(key), (revision) => 1_000_000 + revision * 200);
