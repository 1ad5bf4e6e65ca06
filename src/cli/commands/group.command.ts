/** `millrace group`: task groups, how many slots they have, who holds them and who waits. */
import { Argument, Option } from 'commander';
import { type Priority, priorities } from '../../../schemas/definition/workflow.definition.ts';
import type { TaskGroupView } from '../../../schemas/messages/concurrency.messages.ts';
import { type TaskGroupOperation, taskGroupOperations } from '../../../schemas/messages/subjects.ts';
import { AppError } from '../../errors/app-error.ts';
import { taskGroupName, taskName, wholeNumber } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { shortAge } from '../output/short-time.ts';
import { type Column, formatTable } from '../output/table.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type GroupOptions = { slots?: number; priority?: Priority; reason?: string };
type GroupOrder = {
  operation: TaskGroupOperation;
  group: string | undefined;
  run: string | undefined;
  task: string | undefined;
};

export function addGroupCommand(host: CommandHost): void {
  host.program
    .command('group')
    .helpGroup(commandGroups.steer)
    .description('Look at task groups, and change them: tasks with a group run only while they hold slots of it.')
    .addArgument(new Argument('<action>', 'what to do').choices(taskGroupOperations))
    .argument('[what...]', 'the task group; with force and priority also the run and the task that waits')
    .option('--slots <count>', 'with set: how many slots it has from now on', wholeNumber({ min: 0, max: 1_000_000 }))
    .addOption(new Option('--priority <priority>', 'with priority: its place in line').choices(priorities))
    .option('--reason <text>', 'why, for the history of the group')
    .addHelpText(
      'after',
      examples(
        'millrace group set reports --slots 5',
        'millrace group list reports',
        'millrace group close reports --reason "the printer is broken"',
        'millrace group force reports 0193a4c2 print',
        'millrace group priority reports 0193a4c2 print --priority highest',
      ),
    )
    .action((operation: TaskGroupOperation, what: readonly string[], options: GroupOptions) => {
      const [group, run, task] = what;
      const order = { operation, group: group === undefined ? undefined : taskGroupName(group), run, task };
      return host.withSession((session) => act(session, order, options));
    });
}

async function act(session: Session, order: GroupOrder, options: GroupOptions): Promise<ExitCode> {
  const { client, screen, json } = session;
  const reply = await client.group(order.operation, await bodyOf(session, order, options));
  if (json) screen.printJson(reply);
  else show(session, reply.groups, order.group !== undefined);
  return exitCodes.ok;
}

async function bodyOf({ client, ids }: Session, order: GroupOrder, options: GroupOptions): Promise<object> {
  const { operation, group } = order;
  if (group === undefined && operation === 'list') return {};
  if (group === undefined) throw new AppError('BAD_REQUEST', `Name the task group to ${operation}.`);
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  // The key is made once, so that a repeated request is the same order.
  const common = { group, key: ids.uuid(), by: 'command line', ...reason };
  switch (operation) {
    case 'list':
      return { group };
    case 'set':
      if (options.slots === undefined) throw new AppError('BAD_REQUEST', 'Say how many slots it has: --slots <count>.');
      return { ...common, slots: options.slots };
    case 'open':
    case 'close':
      return common;
    case 'force':
    case 'priority': {
      const { run, task } = order;
      if (run === undefined || task === undefined) {
        throw new AppError(
          'BAD_REQUEST',
          `Name the run and the task that waits: group ${operation} <group> <run> <task>.`,
        );
      }
      const waiting = { instance: await resolveInstance(client, run), task: taskName(task) };
      if (operation === 'force') return { ...common, ...waiting };
      if (options.priority === undefined)
        throw new AppError('BAD_REQUEST', 'Give the new priority: --priority <priority>.');
      return { ...common, ...waiting, priority: options.priority };
    }
  }
}

function show(session: Session, groups: readonly TaskGroupView[], isOne: boolean): void {
  const { screen } = session;
  if (groups.length === 0) {
    screen.note('There are no such task groups. Make one with "millrace group set <group> --slots <count>".');
    return;
  }
  const options = { paintTitle: screen.colors.dim };
  for (const line of formatTable(groupColumns, groups, options)) screen.print(line);
  const [group] = groups;
  if (!isOne || group === undefined) return;
  const rows: SlotRow[] = [
    ...group.holders.map((held) => ({ ...held, state: held.isForced ? 'forced' : 'holds', since: held.grantedAt })),
    ...group.waiting.map((request) => ({ ...request, state: 'waits', since: request.requestedAt })),
  ];
  if (rows.length === 0) return;
  screen.print('');
  for (const line of formatTable(slotColumns(session), rows, options)) screen.print(line);
}

const groupColumns: Column<TaskGroupView>[] = [
  { title: 'GROUP', cell: (group) => group.name },
  { title: 'STATE', cell: (group) => group.status },
  { title: 'TAKEN', cell: (group) => `${group.taken}/${group.slots}`, align: 'right' },
  { title: 'WAITING', cell: (group) => String(group.waitingCount), align: 'right' },
  { title: 'OWNER', cell: (group) => group.owner?.master ?? '' },
];

type SlotRow = Pick<TaskGroupView['waiting'][number], 'instance' | 'task' | 'slots' | 'priority'> & {
  state: string;
  since: number;
};

function slotColumns({ clock }: Session): Column<SlotRow>[] {
  const now = clock.now();
  return [
    { title: 'SLOTS', cell: (row) => row.state },
    { title: 'COUNT', cell: (row) => String(row.slots), align: 'right' },
    { title: 'TASK', cell: (row) => row.task },
    { title: 'RUN', cell: (row) => row.instance },
    { title: 'PRIORITY', cell: (row) => row.priority },
    { title: 'SINCE', cell: (row) => shortAge(row.since, now) },
  ];
}
