/** A run as it was recorded: its events and the definitions that they pin, wherever they were read from. */
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { type WorkflowInstanceEvent, workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { AppError } from '../errors/app-error.ts';

/** An event with the id that its journal knows it by, where that was kept. */
export type RunEvent = HistoryEvent & { readonly id?: string };

/** One version of the workflow. Runs that were moved pin more than one. */
export type PinnedDefinition = { readonly version: number; readonly definition: WorkflowDefinition };

export type RunHistory = {
  /** Undefined in histories that were written down without it. */
  readonly instance: InstanceId | undefined;
  readonly definitions: readonly PinnedDefinition[];
  /** From the first event on, without gaps. */
  readonly events: readonly RunEvent[];
};

/** What a reader of runs may ask of whoever has them. It can neither write nor send. */
export type HistorySource = {
  events(instance: InstanceId): AsyncIterable<RunEvent>;
  /** @throws AppError WORKFLOW_NOT_FOUND */
  definition(name: string, version: number): Promise<WorkflowDefinition>;
};

/** @throws AppError HISTORY_INVALID when no schema of this build fits it. */
export function readEvent({ revision, type, data }: RunEvent): WorkflowInstanceEvent {
  if (!isRunEvent(type)) throw unreadable(revision, type, 'this build knows no such event of a run');
  const parsed = workflowInstanceEvents[type].safeParse(data);
  if (!parsed.success) throw unreadable(revision, type, parsed.error.message);
  // Reason for the cast: type and schema come from the same entry of the registry.
  return { type, data: parsed.data } as WorkflowInstanceEvent;
}

const isRunEvent = (type: string): type is WorkflowInstanceEvent['type'] => Object.hasOwn(workflowInstanceEvents, type);

function unreadable(revision: number, type: string, why: string): AppError {
  return new AppError('HISTORY_INVALID', `the event ${type} at revision ${revision} cannot be read: ${why}`);
}

/** Reads a whole run. @throws AppError INSTANCE_NOT_FOUND, WORKFLOW_NOT_FOUND, HISTORY_INVALID */
export async function loadHistory(source: HistorySource, instance: InstanceId): Promise<RunHistory> {
  const events: RunEvent[] = [];
  const pinned = new Map<number, PinnedDefinition>();
  for await (const event of source.events(instance)) {
    events.push(event);
    const reference = referenceIn(event);
    if (reference === undefined || pinned.has(reference.version)) continue;
    const { name, version } = reference;
    pinned.set(version, { version, definition: await source.definition(name, version) });
  }
  if (events.length === 0) throw new AppError('INSTANCE_NOT_FOUND', `there is no run ${instance}`);
  return { instance, definitions: [...pinned.values()], events };
}

/** The version that the run follows from this event on. */
function referenceIn(event: RunEvent): { name: string; version: number } | undefined {
  if (event.type !== 'WorkflowSubmitted') return undefined;
  const read = readEvent(event);
  return read.type === 'WorkflowSubmitted' ? read.data.definition : undefined;
}
