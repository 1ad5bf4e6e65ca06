/** Certificates straight from a journal: for processes that have one, such as tests and scripts. */
import type { DefinitionRegistered } from '../../schemas/events/workflow-definition.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { Certificate } from '../../schemas/messages/certificate.messages.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeData, definitionStream, instanceStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import { Certifier, type FindDefinition } from './certifier.ts';

export type JournalCertifier = {
  /** @throws AppError INSTANCE_NOT_FOUND, WORKFLOW_NOT_FOUND */
  certify(instance: InstanceId): Promise<Certificate>;
};

export function createJournalCertifier(journal: Pick<Journal, 'read'>): JournalCertifier {
  const certifier = new Certifier(findIn(journal));
  return { certify: (instance) => certifier.certify(instance, journal.read(instanceStream(instance))) };
}

function findIn(journal: Pick<Journal, 'read'>): FindDefinition {
  return async ({ name, version }) => {
    for await (const event of journal.read(definitionStream(name), { from: version - 1, limit: 1 })) {
      return (decodeData(event) as DefinitionRegistered['data']).definition;
    }
    throw new AppError('WORKFLOW_NOT_FOUND', `the workflow ${name} has no version ${version}`);
  };
}
