/** `millrace certify <run>` and `millrace certify --all`: what the histories prove, and whether the invariants hold. */
import { InvalidArgumentError } from 'commander';
import type { WorkflowName } from '../../../schemas/ids.ts';
import { Certifier } from '../../certify/certifier.ts';
import { AppError } from '../../errors/app-error.ts';
import { allEvents } from '../all-events.ts';
import { durationMs, workflowName } from '../arguments.ts';
import { type ActorName, certifyActor } from '../certify-actor.ts';
import { certifyAll } from '../certify-all.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { limits } from '../limits.ts';
import { certificateLines } from '../output/certificate-lines.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type CertifyOptions = { actor?: ActorName; all?: boolean; since?: number; workflow?: WorkflowName };

export function addCertifyCommand(host: CommandHost): void {
  host.program
    .command('certify')
    .helpGroup(commandGroups.look)
    .description('Prove from the history of a run who owned it, that nobody else wrote, and that each invariant holds.')
    .argument('[run]', 'id of the run, or a unique beginning or end of it')
    .option('--all', 'check every run, task group, workflow queue and the operations')
    .option(
      '--actor <kind/id>',
      'the stream of taskGroup/<name>, workflowQueue/<workflow> or clusterOperations/main',
      actorName,
    )
    .option('--since <duration>', 'with --all: only runs submitted this long ago or later, such as 7d', durationMs)
    .option('--workflow <name>', 'with --all: only runs of this workflow', workflowName)
    .addHelpText('after', examples('millrace certify 0193a4c2', 'millrace certify --all --since 7d'))
    .action((part: string | undefined, options: CertifyOptions) => {
      const { actor } = options;
      if (actor !== undefined && part === undefined) return host.withSession((session) => certifyActor(session, actor));
      checkUsage(part, options);
      return host.withSession((session) => (part === undefined ? all(session, options) : one(session, part)));
    });
}

function actorName(text: string): ActorName {
  const [, kind, id] = /^(taskGroup|workflowQueue|clusterOperations)\/([A-Za-z][\w-]{0,62})$/.exec(text) ?? [];
  if (kind === undefined || id === undefined) {
    throw new InvalidArgumentError('Expected taskGroup/<name>, workflowQueue/<workflow> or clusterOperations/main.');
  }
  return { kind: kind as ActorName['kind'], id }; // The pattern has no other kinds.
}

function checkUsage(part: string | undefined, { all, since, workflow }: CertifyOptions): void {
  if (part === undefined && all !== true) throw new AppError('BAD_REQUEST', 'Name a run, or give --all.');
  if (part !== undefined && all === true) throw new AppError('BAD_REQUEST', 'Name a run or give --all, not both.');
  if (all !== true && (since !== undefined || workflow !== undefined)) {
    throw new AppError('BAD_REQUEST', '--since and --workflow choose among all runs; give --all with them.');
  }
}

async function one(session: Session, part: string): Promise<ExitCode> {
  const { client, screen, json } = session;
  const instance = await resolveInstance(client, part);
  const certificate = await certifierOf(session).certify(instance, allEvents(client, instance, limits.pageLength));
  if (json) screen.printJson(certificate);
  else for (const line of certificateLines(certificate, screen.colors)) screen.print(line);
  return certificate.holds ? exitCodes.ok : exitCodes.runFailed;
}

function all(session: Session, { since, workflow }: CertifyOptions): Promise<ExitCode> {
  return certifyAll(session, certifierOf(session), { sinceMs: since, workflow });
}

function certifierOf({ client }: Session): Certifier {
  return new Certifier(async ({ name, version }) => (await client.definition(name, version)).definition);
}
