/** Runs from an event store. Of the journal's port only reading is known here. */
import type { DefinitionRegistered } from '../../schemas/events/workflow-definition.events.ts';
import type { WorkflowName } from '../../schemas/ids.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeData, definitionStream, instanceStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { HistorySource } from './run-history.ts';

export function journalSource(journal: Pick<Journal, 'read'>): HistorySource {
  return {
    events: (instance) => journal.read(instanceStream(instance)),
    definition: async (name, version) => {
      const place = { from: version - 1, limit: 1 };
      // Reason for the cast: the name stands in an event that its schema has read.
      for await (const event of journal.read(definitionStream(name as WorkflowName), place)) {
        return (decodeData(event) as DefinitionRegistered['data']).definition;
      }
      throw new AppError('WORKFLOW_NOT_FOUND', `the workflow ${name} has no version ${version}`);
    },
  };
}
