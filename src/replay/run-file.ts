/**
 * A run as a file of JSON Lines: one header, then one event a line, in the order of the stream. It holds what the journal
 * holds and nothing else, so a secret cannot be in it: events and definitions name secrets, workers alone know their values.
 * Format 2 is written; format 1, a definition and events without anything else, is read for ever.
 */
import { z } from 'zod';
import { type WorkflowDefinition, workflowDefinitionSchema } from '../../schemas/definition/workflow.definition.ts';
import { instanceIdSchema } from '../../schemas/ids.ts';
import { AppError } from '../errors/app-error.ts';
import type { PinnedDefinition, RunEvent, RunHistory } from './run-history.ts';

const headerSchema = z.discriminatedUnion('format', [
  z.object({ format: z.literal(1), definition: workflowDefinitionSchema }),
  z.object({
    format: z.literal(2),
    instance: instanceIdSchema.optional(),
    definitions: z.array(z.object({ version: z.int().min(1), definition: workflowDefinitionSchema })).min(1),
    /** Lines that follow: a file that was cut off has fewer. */
    eventCount: z.int().min(0),
    /** Where the file comes from, for people. */
    origin: z.string().optional(),
  }),
]);

/** `data` and `metadata` are checked when the event is read. */
const lineSchema = z.object({
  revision: z.int().min(0),
  id: z.string().optional(),
  type: z.string(),
  data: z.unknown(),
  metadata: z.unknown(),
});

export function* runFileLines(
  { instance, definitions, events }: RunHistory,
  origin?: string,
): Generator<string, void, undefined> {
  const header = {
    format: 2,
    ...(instance === undefined ? {} : { instance }),
    definitions,
    eventCount: events.length,
    ...(origin === undefined ? {} : { origin }),
  };
  yield `${JSON.stringify(header)}\n`;
  for (const { revision, id, type, data, metadata } of events) {
    yield `${JSON.stringify({ revision, ...(id === undefined ? {} : { id }), type, data, metadata })}\n`;
  }
}

/** @param name of the file, for the sentence of a fault. @throws AppError HISTORY_INVALID */
export function parseRunFile(text: string, name: string): RunHistory {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const [first, ...rest] = lines;
  if (first === undefined) throw invalid(name, 1, 'the file is empty; expected the header of a run');
  const header = headerSchema.safeParse(jsonOf(first, name, 1));
  if (!header.success) {
    const why = `expected a header {"format": 2, "definitions": [...], "eventCount": n}; ${z.prettifyError(header.error)}`;
    throw invalid(name, 1, why);
  }
  const events = rest.map((line, index) => eventOf(line, name, index));
  if (header.data.format === 1) return { instance: undefined, definitions: oldPin(header.data, events), events };
  const { instance, definitions, eventCount } = header.data;
  if (events.length !== eventCount) {
    throw invalid(
      name,
      lines.length,
      `expected ${eventCount} events, found ${events.length}: the file was cut off or changed`,
    );
  }
  return { instance, definitions: definitions as PinnedDefinition[], events };
}

function eventOf(line: string, name: string, index: number): RunEvent {
  const parsed = lineSchema.safeParse(jsonOf(line, name, index + 2));
  if (!parsed.success) throw invalid(name, index + 2, `expected an event; ${z.prettifyError(parsed.error)}`);
  if (parsed.data.revision !== index) {
    throw invalid(name, index + 2, `expected revision ${index}, found ${parsed.data.revision}: an event is missing`);
  }
  // Reason for the cast: the schema's optional id may be written as undefined, which JSON has not.
  return parsed.data as RunEvent;
}

/** Histories of format 1 do not say which version their definition is: the one that the first event names. */
function oldPin({ definition }: { definition: WorkflowDefinition }, [first]: readonly RunEvent[]): PinnedDefinition[] {
  const named = z.object({ definition: z.object({ version: z.int() }) }).safeParse(first?.data);
  return [{ version: named.success ? named.data.definition.version : 1, definition }];
}

function jsonOf(line: string, name: string, lineNumber: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw invalid(name, lineNumber, 'it is not JSON. Is it a file of a run, as "millrace export" writes it?');
  }
}

function invalid(name: string, lineNumber: number, why: string): AppError {
  return new AppError('HISTORY_INVALID', `${name}, line ${lineNumber}: ${why}`);
}
