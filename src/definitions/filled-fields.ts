/** The fields of each task type in which placeholders are filled in, where these can be checked before the run. */
import type { JsonValue } from '../../schemas/json.ts';
import type { TextAt } from './param-faults.ts';

const submitting = ['program', 'application', 'mainClass', 'options', 'args'];

const filledFields: Readonly<Record<string, readonly string[]>> = {
  http: ['url', 'headers', 'body'],
  python: ['args'],
  sql: ['connection', 'bind'],
  nats: ['server', 'subject', 'headers', 'payload'],
  plugin: ['settings'],
  spark: [...submitting, 'name', 'queue', 'conf', 'master'],
  flink: [...submitting, 'name', 'queue', 'conf', 'savepoint'],
  mapreduce: [...submitting, 'name', 'queue', 'conf'],
  yarn: submitting,
  k8s: ['image', 'namespace', 'command', 'args', 'labels', 'nodeSelector', 'pullSecret', 'serviceAccount'],
};

/** @param path of the settings, in a source or in a canonical definition */
export function filledTexts(settings: { type: string }, path: TextAt['path']): TextAt[] {
  const values = settings as Record<string, JsonValue | undefined>; // Whatever the type, its fields are JSON.
  return (filledFields[settings.type] ?? []).map((name) => ({ text: values[name], path: [...path, name] }));
}
