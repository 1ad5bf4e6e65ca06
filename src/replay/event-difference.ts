/** In what an event that is decided now differs from the recorded one. */
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';

export type EventDifference = {
  /** The same for differences that are alike. */
  signature: string;
  message: string;
};

/** Undefined: they are the same. */
export function differenceOfEvents(
  recorded: WorkflowInstanceEvent | undefined,
  decided: WorkflowInstanceEvent | undefined,
): EventDifference | undefined {
  if (recorded === undefined || decided === undefined || recorded.type !== decided.type) {
    if (recorded === decided) return undefined;
    const found = recorded?.type ?? 'nothing';
    const made = decided?.type ?? 'nothing';
    return {
      signature: `${found}: decides ${made}`,
      message: `it decides ${made}, recorded is ${found}`,
    };
  }
  const was = plain(recorded.data);
  const is = plain(decided.data);
  const fields = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    (field) => !isSame(was[field], is[field]),
  );
  if (fields.length === 0) return undefined;
  const told = fields.map((field) => `${field} ${text(is[field])}, recorded is ${text(was[field])}`);
  return {
    signature: `${recorded.type}: other ${fields.join(', ')}`,
    message: `it decides ${decided.type} with ${told.join('; ')}`,
  };
}

/** As the journal keeps it. */
const plain = (data: object): Record<string, unknown> => JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
const isSame = (a: unknown, b: unknown) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const textLengthMax = 200;
const text = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, textLengthMax));

/** The order of fields says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
