/** Certifies every run, some at a time, and every other actor, with a sum at the end and each broken one named. */
import type { InstanceId } from '../../schemas/ids.ts';
import { CertificationSum } from '../certify/certification.ts';
import type { Certifier } from '../certify/certifier.ts';
import { AppError } from '../errors/app-error.ts';
import { allEvents } from './all-events.ts';
import { actorCertificate, actorNames } from './certify-actor.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { ChosenRuns } from './fleet-runs.ts';
import { limits } from './limits.ts';
import { listedRuns } from './listed-runs.ts';
import type { MasterClient } from './master-client.ts';
import { certificationLines, progressLine } from './output/certificate-lines.ts';
import { createProgress } from './output/progress-note.ts';
import type { Session } from './session.ts';

/** Faults of one run, which say nothing of the others. */
const ownFaults: readonly string[] = ['INSTANCE_NOT_FOUND', 'WORKFLOW_NOT_FOUND', 'JOURNAL_INCONSISTENT'];

export async function certifyAll(session: Session, certifier: Certifier, options: ChosenRuns): Promise<ExitCode> {
  const { client, screen, json, clock } = session;
  const startedAt = clock.now();
  const sum = new CertificationSum();
  const progress = createProgress(session, () => progressLine(sum.result(clock.now() - startedAt)));
  const { workflow, sinceMs } = options;
  const runs = listedRuns(client, { workflow, sinceAt: sinceMs === undefined ? undefined : clock.now() - sinceMs });
  const next = async (): Promise<void> => {
    for (let run = await runs.next(); run.done !== true; run = await runs.next()) {
      await certifyOne({ client, certifier, sum }, run.value.instance);
      progress.changed();
    }
  };
  try {
    await Promise.all(Array.from({ length: limits.certifyConcurrencyMax }, next));
    if (sinceMs === undefined && workflow === undefined) await certifyActors(client, sum);
  } finally {
    progress.finish();
  }
  const result = sum.result(clock.now() - startedAt);
  if (json) screen.printJson(result);
  else for (const line of certificationLines(result, screen.colors)) screen.print(line);
  return result.holds ? exitCodes.ok : exitCodes.runFailed;
}

type Checked = { client: MasterClient; certifier: Certifier; sum: CertificationSum };

async function certifyOne({ client, certifier, sum }: Checked, instance: InstanceId): Promise<void> {
  try {
    sum.add(await certifier.certify(instance, allEvents(client, instance, limits.pageLength)));
  } catch (fault) {
    if (!(fault instanceof AppError) || !ownFaults.includes(fault.code)) throw fault;
    sum.addUnread(instance, fault.code, fault.message);
  }
}

/** The other journaled actors. */
async function certifyActors(client: MasterClient, sum: CertificationSum): Promise<void> {
  for await (const name of actorNames(client)) {
    const certificate = await actorCertificate(client, name);
    if (certificate !== undefined) sum.addActor(certificate);
  }
}
