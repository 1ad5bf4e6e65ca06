/** Events on their way into and out of the journal: named streams, made-once ids, parsed data. */
import type { EventMetadata } from '../../schemas/envelope.ts';
import { eventSchemaOf, isEventType, schemaVersion } from '../../schemas/events/registry.ts';
import { type WorkflowInstanceEvent, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import type { EventId, InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { ActorKind } from '../../schemas/messages/subjects.ts';
import { AppError } from '../errors/app-error.ts';
import type { NewEvent, RecordedEvent } from './journal.port.ts';

export const streamPrefixes = {
  workflowInstance: 'workflowInstance-',
  workflowDefinition: 'workflowDefinition-',
  taskGroup: 'taskGroup-',
  workflowQueue: 'workflowQueue-',
  clusterOperations: 'clusterOperations-',
} as const;

export const instanceStream = (id: InstanceId) => `${streamPrefixes.workflowInstance}${id}`;
export const actorStream = (kind: ActorKind, id: string) => `${streamPrefixes[kind]}${id}`;
export const definitionStream = (name: WorkflowName) => `${streamPrefixes.workflowDefinition}${name}`;

export type Authorship = Omit<EventMetadata, 'schemaVersion'>;

export function newEvent(id: string, event: { type: string; data: object }, authorship: Authorship): NewEvent {
  return { id: id as EventId, type: event.type, data: event.data, metadata: { schemaVersion, ...authorship } };
}

/** An event of a run as its machine takes it. @throws AppError JOURNAL_INCONSISTENT when no schema fits it. */
export function decodeInstanceEvent(recorded: RecordedEvent): WorkflowInstanceEvent {
  if (!Object.hasOwn(workflowInstanceEvents, recorded.type)) throw inconsistent(recorded, 'its type is not known');
  return { type: recorded.type, data: decodeData(recorded) } as WorkflowInstanceEvent;
}

export function decodeData(recorded: RecordedEvent): unknown {
  if (!isEventType(recorded.type)) throw inconsistent(recorded, 'its type is not known');
  const parsed = eventSchemaOf(recorded.type).safeParse(recorded.data);
  if (!parsed.success) throw inconsistent(recorded, parsed.error.message);
  return parsed.data;
}

function inconsistent({ stream, revision, type }: RecordedEvent, why: string): AppError {
  const message = `the event ${type} at ${stream}@${revision} cannot be read: ${why}`;
  return new AppError('JOURNAL_INCONSISTENT', message, { details: { stream, revision, type } });
}
