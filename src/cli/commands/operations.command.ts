/** `millrace crown`, `freeze` and `unfreeze`: orders to the whole cluster. */
import type { TaskName, WorkerGroup, WorkflowName } from '../../../schemas/ids.ts';
import type { OperationsReply } from '../../../schemas/messages/concurrency.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { taskName, workerGroupName, workflowName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type CrownOptions = { upstream?: string[]; remove?: string; reason?: string };
type FreezeOptions = { workerGroup?: WorkerGroup; reason?: string };

export function addOperationCommands(host: CommandHost): void {
  addCrownCommand(host);
  addFreezeCommand(host, 'freeze', 'Hold the tasks of a workflow, or of a worker group. What runs goes on.');
  addFreezeCommand(host, 'unfreeze', 'Let the tasks of a workflow, or of a worker group, go on.');
}

function addCrownCommand(host: CommandHost): void {
  host.program
    .command('crown')
    .helpGroup(commandGroups.steer)
    .description(
      'Let one task and what it needs go before everything else in the cluster; without a run: what is in force.',
    )
    .argument('[run]', 'id of the run, or a unique beginning or end of it')
    .argument('[task]', 'name of the task', taskName)
    .option('--upstream <task>', 'only this one of the tasks that it needs may run; may be given again', collectTask)
    .option('--remove <crown>', 'remove the crown of this id')
    .option('--reason <text>', 'why, for the history of the cluster')
    .addHelpText('after', examples('millrace crown 0193a4c2 report --reason "must be out by six"', 'millrace crown'))
    .action((run: string | undefined, task: TaskName | undefined, options: CrownOptions) =>
      host.withSession((session) => crown(session, { run, task }, options)),
    );
}

function addFreezeCommand(host: CommandHost, type: 'freeze' | 'unfreeze', description: string): void {
  host.program
    .command(type)
    .helpGroup(commandGroups.steer)
    .description(description)
    .argument('[workflow]', 'name of the workflow', workflowName)
    .option('--worker-group <name>', 'a worker group instead', workerGroupName)
    .option('--reason <text>', 'why, for the history of the cluster')
    .addHelpText('after', examples(`millrace ${type} nightly-load`, `millrace ${type} --worker-group gpu`))
    .action((workflow: WorkflowName | undefined, options: FreezeOptions) =>
      host.withSession((session) => freeze(session, { type, workflow }, options)),
    );
}

const collectTask = (text: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  taskName(text),
];

async function crown(
  session: Session,
  { run, task }: { run: string | undefined; task: TaskName | undefined },
  { upstream, remove, reason }: CrownOptions,
): Promise<ExitCode> {
  const { client } = session;
  if (remove !== undefined)
    return report(session, await client.operate({ type: 'uncrown', id: remove, ...asked(session, reason) }));
  if (run === undefined) return report(session, await client.operate({ type: 'list' }));
  if (task === undefined) throw new AppError('BAD_REQUEST', 'Name the task to crown: millrace crown <run> <task>.');
  const instance = await resolveInstance(client, run);
  const upstreams = upstream === undefined ? {} : { upstreams: upstream };
  return report(
    session,
    await client.operate({ type: 'crown', instance, task, ...upstreams, ...asked(session, reason) }),
  );
}

async function freeze(
  session: Session,
  { type, workflow }: { type: 'freeze' | 'unfreeze'; workflow: WorkflowName | undefined },
  { workerGroup, reason }: FreezeOptions,
): Promise<ExitCode> {
  if ((workflow === undefined) === (workerGroup === undefined)) {
    throw new AppError('BAD_REQUEST', `Name a workflow or give --worker-group, one of the two.`);
  }
  const target =
    workflow === undefined ? { kind: 'workerGroup', name: workerGroup } : { kind: 'workflow', name: workflow };
  return report(session, await session.client.operate({ type, target, ...asked(session, reason) }));
}

/** The key is made once, so that a repeated request is the same order. */
function asked({ ids }: Session, reason: string | undefined) {
  return { key: ids.uuid(), by: 'command line', ...(reason === undefined ? {} : { reason }) };
}

function report({ screen, json }: Session, reply: OperationsReply): ExitCode {
  if (json) {
    screen.printJson(reply);
    return exitCodes.ok;
  }
  const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);
  for (const { id, instance, task, by, reason } of reply.crowns) {
    screen.print(`${task} of ${instance} is crowned by ${by}${because(reason)} (crown ${id})`);
  }
  for (const { target, by, reason } of reply.freezes) {
    const what = target.kind === 'workflow' ? 'workflow' : 'worker group';
    screen.print(`the ${what} ${target.name} is frozen by ${by}${because(reason)}`);
  }
  if (reply.crowns.length + reply.freezes.length === 0) screen.note('Nothing is crowned and nothing is frozen.');
  return exitCodes.ok;
}
