/** `millrace cluster`: the masters and workers that are alive. */
import type { MasterMember, Member, WorkerMember } from '../../../schemas/messages/membership.messages.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { paintStatus } from '../output/colors.ts';
import { shortAge } from '../output/short-time.ts';
import { type Column, formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

export function addClusterCommand(host: CommandHost): void {
  host.program
    .command('cluster')
    .helpGroup(commandGroups.look)
    .description('List the masters and workers.')
    .addHelpText('after', examples('millrace cluster'))
    .action(() => host.withSession(cluster));
}

async function cluster(session: Session): Promise<ExitCode> {
  const { client, screen, json } = session;
  const reply = await client.cluster();
  if (json) {
    screen.printJson(reply);
    return exitCodes.ok;
  }
  const masters = reply.members.filter((member) => member.kind === 'master').sort(byId);
  const workers = reply.members.filter((member) => member.kind === 'worker').sort(byId);
  const options = { paintTitle: screen.colors.dim };
  for (const line of formatTable(masterColumns(session), masters, options)) screen.print(line);
  screen.print('');
  for (const line of formatTable(workerColumns(session), workers, options)) screen.print(line);
  if (workers.length === 0) screen.note('No worker is alive: tasks wait. Start one with "millrace worker".');
  return exitCodes.ok;
}

function masterColumns(session: Session): Column<MasterMember>[] {
  return [
    { title: 'MASTER', cell: (member) => member.id },
    ...commonColumns(session),
    { title: 'RUNS', cell: (member) => String(member.actorCount), align: 'right' },
    { title: 'INCIDENTS', cell: incidentsOf, align: 'right' },
  ];
}

function workerColumns(session: Session): Column<WorkerMember>[] {
  return [
    { title: 'WORKER', cell: (member) => member.id },
    ...commonColumns(session),
    { title: 'SLOTS', cell: (member) => `${member.runningCount}/${member.slots}`, align: 'right' },
    { title: 'GROUPS', cell: (member) => member.groups.join(', ') },
  ];
}

function commonColumns({ screen, clock }: Session): Column<Member>[] {
  const now = clock.now();
  return [
    { title: 'STATE', cell: (member) => ({ text: member.state, paint: paintStatus(screen.colors, member.state) }) },
    { title: 'HOST', cell: (member) => member.host },
    { title: 'PID', cell: (member) => String(member.pid), align: 'right' },
    { title: 'STARTED', cell: (member) => shortAge(member.startedAt, now) },
    { title: 'CPU', cell: (member) => percent(member.load.cpu), align: 'right' },
    { title: 'MEMORY', cell: (member) => percent(member.load.memory), align: 'right' },
  ];
}

/** Shown only where there are some. */
function incidentsOf({ incidentCount = 0 }: MasterMember): string {
  return incidentCount === 0 ? '' : String(incidentCount);
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function byId(a: Member, b: Member): number {
  return a.id < b.id ? -1 : 1;
}
