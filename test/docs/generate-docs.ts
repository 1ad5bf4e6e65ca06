/** The pages that are made from the schemas: settings, errors, events. */
import { eventMetadataSchema } from '../../schemas/envelope.ts';
import { type ErrorCode, errorCatalogue } from '../../schemas/errors.ts';
import { clusterOperationsEvents } from '../../schemas/events/cluster-operations.events.ts';
import { type EventType, eventRegistry } from '../../schemas/events/registry.ts';
import { taskGroupEvents } from '../../schemas/events/task-group.events.ts';
import { workflowInstanceEvents } from '../../schemas/events/workflow-instance.events.ts';
import { workflowQueueEvents } from '../../schemas/events/workflow-queue.events.ts';
import { exitCodeOfError } from '../../src/cli/exit-codes.ts';
import { configurationPage } from './configuration-page.ts';
import { docCommentsOf } from './doc-comments.ts';
import { eventMeanings, fieldMeanings } from './event-meanings.ts';
import { page, table } from './page.ts';
import { type FieldRow, fieldRows } from './schema-words.ts';

/** Objects that have a page of their own. */
const wholeObjects = ['definition.tasks', 'definition.params'];

export type Page = { file: string; text: string };

export function generatePages(): Page[] {
  return [
    { file: 'docs/configuration.md', text: configurationPage() },
    { file: 'docs/errors.md', text: errorsPage() },
    { file: 'docs/events.md', text: eventsPage() },
  ];
}

function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(([code, { httpStatus, retry, meaning }]) => [
    `\`${code}\``,
    meaning,
    retry ? 'yes' : 'no',
    String(httpStatus),
    String(exitCodeOfError(code as ErrorCode)),
  ]);
  return page(
    'Error codes',
    'A refusal is `{"code", "message", "details"}`: a code of this table, a sentence, and sometimes data. Codes never change;',
    'sentences may. The same codes tell in [events](events.md) why an attempt failed, was refused or was lost.',
    '',
    '- **Retry**: whether the same call, or the same task, may succeed later.',
    '- **HTTP**: the status that fits. There is no HTTP interface yet.',
    '- **Exit**: the exit code of a [client command](command-line.md) that ends with it.',
    '',
    ...table(['Code', 'Meaning', 'Retry', 'HTTP', 'Exit'], rows),
  );
}

function eventsPage(): string {
  const runs = Object.keys(workflowInstanceEvents) as EventType[];
  return page(
    'Events',
    'Everything that Millrace knows is an event in a stream of the event store. This page lists every type.',
    '',
    '| stream | holds |',
    '| --- | --- |',
    '| `workflowInstance-<run id>` | the history of one run |',
    '| `workflowDefinition-<name>` | the versions of one workflow: event n holds version n + 1 |',
    '| `taskGroup-<name>` | the slots of one task group |',
    '| `workflowQueue-<workflow>` | whose turn it is among the runs of one workflow |',
    '| `clusterOperations-main` | crowns and freezes |',
    '',
    'Times are milliseconds since 1970. Fields marked “optional” may be missing.',
    '`millrace events <run> --json` prints the events of a run with their metadata.',
    '',
    '## Metadata',
    '',
    'Each event carries who decided it, and because of what.',
    '',
    ...fieldTable(fieldRows(eventMetadataSchema, []), (path) => metadataComments.get(`eventMetadataSchema.${path}`)),
    '',
    '## Events of a run',
    '',
    ...runs.flatMap((type) => eventSection(type)),
    '## Events of a workflow definition',
    '',
    ...eventSection('DefinitionRegistered'),
    '## Events of a task group',
    '',
    'Beside `OwnershipTaken`: a task group has an owner as a run has, and so have the streams below.',
    '',
    ...sectionsOf(taskGroupEvents),
    '## Events of a workflow queue',
    '',
    ...sectionsOf(workflowQueueEvents),
    '## Events of the cluster',
    '',
    ...sectionsOf(clusterOperationsEvents),
  );
}

const metadataComments = docCommentsOf(new URL('../../schemas/envelope.ts', import.meta.url));
const eventComments = new Map([
  ...docCommentsOf(new URL('../../schemas/events/application.events.ts', import.meta.url), {
    catalogue: 'applicationEvents',
  }),
  ...docCommentsOf(new URL('../../schemas/events/workflow-instance.events.ts', import.meta.url), {
    catalogue: 'workflowInstanceEvents',
  }),
]);

function sectionsOf(catalogue: object): string[] {
  const types = Object.keys(catalogue).filter((type) => type !== 'OwnershipTaken') as EventType[];
  return types.flatMap((type) => eventSection(type));
}

function eventSection(type: EventType): string[] {
  return [
    `### ${type}`,
    '',
    eventMeanings[type],
    '',
    ...fieldTable(fieldRows(eventRegistry[type], wholeObjects), (path) => eventComments.get(`${type}.${path}`)),
    '',
  ];
}

function fieldTable(rows: readonly FieldRow[], commentOf: (path: string) => string | undefined): string[] {
  return table(
    ['Field', 'Type', 'Meaning'],
    rows.map(({ path, kind, isOptional }) => {
      const meaning = commentOf(path) ?? fieldMeanings[path] ?? fieldMeanings[lastName(path)];
      if (meaning === undefined) throw new Error(`the field ${path} has no meaning; write one in event-meanings.ts`);
      return [`\`${path}\``, isOptional ? `${kind}, optional` : kind, meaning];
    }),
  );
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
