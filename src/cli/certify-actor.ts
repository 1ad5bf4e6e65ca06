/** Certifies the stream of a task group, a workflow queue or the operations: who owned it, and that nobody else wrote. */

import { checkOwnedHistory, type OwnedKind } from '../../actors/invariants/check-owned-history.ts';
import type { HistoryEvent } from '../../actors/invariants/history-event.ts';
import type { ActorCertificate } from '../../schemas/messages/certificate.messages.ts';
import { operationsId } from '../../schemas/messages/subjects.ts';
import { AppError } from '../errors/app-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { limits } from './limits.ts';
import type { MasterClient } from './master-client.ts';
import type { Session } from './session.ts';

export type ActorName = { kind: OwnedKind; id: string };

/** What must hold of such a stream, in the order in which it is shown. */
const rules = {
  I1: 'one writer: epochs grow by one, and nobody writes after the next owner began',
  I5: 'replay equals live: each event is taken in its state',
  J4: 'the revisions of the stream have no gap',
} as const;

export async function certifyActor({ client, screen, json }: Session, { kind, id }: ActorName): Promise<ExitCode> {
  const certificate = await actorCertificate(client, { kind, id });
  if (certificate === undefined) throw new AppError('INSTANCE_NOT_FOUND', `there is no ${kind} ${id}`);
  const { eventCount, violations, owners, holds } = certificate;
  if (json) screen.printJson(certificate);
  else {
    screen.print(`${kind} ${id}: ${eventCount} events`);
    for (const { epoch, master, reason, first, last } of owners) {
      screen.print(`  epoch ${epoch}: ${master}, revisions ${first.revision} to ${last.revision} (${reason})`);
    }
    for (const [invariant, rule] of Object.entries(rules)) {
      const broken = violations.filter((violation) => violation.invariant === invariant);
      screen.print(`${broken.length === 0 ? 'holds ' : 'BROKEN'} ${invariant}  ${rule}`);
      for (const { revision, message } of broken) screen.print(`         at ${revision}: ${message}`);
    }
  }
  return holds ? exitCodes.ok : exitCodes.runFailed;
}

/** Undefined when nothing was ever written of the actor. */
export async function actorCertificate(
  client: MasterClient,
  { kind, id }: ActorName,
): Promise<ActorCertificate | undefined> {
  const history: HistoryEvent[] = [];
  for (let isMore = true; isMore; ) {
    const page = await client.actorEvents({ kind, id, from: history.length, limit: limits.pageLength });
    history.push(...page.events);
    isMore = page.more;
  }
  if (history.length === 0) return undefined;
  const { eventCount, violations, owners, staleWrites } = checkOwnedHistory(kind, history);
  const told = owners.map(({ evidence, ...owner }) => (evidence === undefined ? owner : { ...owner, evidence }));
  return { format: 1, kind, id, eventCount, holds: violations.length === 0, owners: told, staleWrites, violations };
}

/** All that there may be: named groups, the queue of each workflow, the operations. Most workflows never had a queue. */
export async function* actorNames(client: MasterClient): AsyncGenerator<ActorName> {
  yield { kind: 'clusterOperations', id: operationsId };
  for (const { name } of (await client.group('list', {})).groups) yield { kind: 'taskGroup', id: name };
  for (const name of new Set((await client.definitions()).definitions.map((one) => one.name))) {
    yield { kind: 'workflowQueue', id: name };
  }
}
