/** Runs that stand in a journal without an owner: what a master finds whose predecessor is gone. */
import { randomUUID } from 'node:crypto';
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { EventId, InstanceId } from '../../schemas/ids.ts';
import { digestOf } from '../../src/definitions/canonical.ts';
import { definitionStream, instanceStream } from '../../src/journal/codec.ts';
import type { Journal, NewEvent } from '../../src/journal/journal.port.ts';
import { certifiedDefinition } from './certified-runs.ts';
import type { Recorded } from './recorded.ts';

/** @param definition version 1 of its workflow; the history pins it */
export async function writeRun(
  journal: Journal,
  instance: InstanceId,
  history: readonly Recorded[],
  definition = certifiedDefinition,
): Promise<void> {
  const data = { version: 1, digest: digestOf(definition), definition, registeredAt: 1 };
  const metadata = { ...(history[0]?.metadata as EventMetadata), epoch: 0 };
  const registered = { id: randomUUID() as EventId, type: 'DefinitionRegistered', data, metadata };
  await journal.append(definitionStream(definition.name), 'none', [registered]);
  await journal.append(instanceStream(instance), 'none', history.map(newEvent));
}

function newEvent({ type, data, metadata }: Recorded): NewEvent {
  return { id: randomUUID() as EventId, type, data: data as object, metadata };
}
