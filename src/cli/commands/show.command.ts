/** `millrace show <run>`: one run with all of its tasks. */
import type { TaskName } from '../../../schemas/ids.ts';
import type { RunReply, TaskSummary } from '../../../schemas/messages/client.messages.ts';
import { taskName } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { paintStatus } from '../output/colors.ts';
import { oneLine, shortened } from '../output/plain-text.ts';
import { possibleCommandsText } from '../output/possible-commands.ts';
import { shortAge, shortDuration } from '../output/short-time.ts';
import { type Column, formatTable } from '../output/table.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';
import { tookOf } from './list.command.ts';

const paramsLengthMax = 400;

export function addShowCommand(host: CommandHost): void {
  host.program
    .command('show')
    .helpGroup(commandGroups.look)
    .description('Show one run: its status, its owner and its tasks.')
    .argument('<run>', 'id of the run, or a unique beginning or end of it')
    .option('--items <map>', 'the items of this map in place of the tasks, the first 1000', taskName)
    .addHelpText('after', examples('millrace show 0193a4c2', 'millrace show 0193a4c2 --items resize --json'))
    .action((part: string, { items }: { items?: TaskName }) =>
      host.withSession((session) => (items === undefined ? show(session, part) : showItems(session, part, items))),
    );
}

async function show(session: Session, part: string): Promise<ExitCode> {
  const { client, screen, json, clock } = session;
  const reply = await client.run(await resolveInstance(client, part), true);
  if (json) {
    screen.printJson(reply);
    return exitCodes.ok;
  }
  const now = clock.now();
  for (const line of [...headLines(session, reply, now), '']) screen.print(line);
  const columns = taskColumns(session, now);
  for (const line of formatTable(columns, reply.tasks, { paintTitle: screen.colors.dim })) screen.print(line);
  return exitCodes.ok;
}

async function showItems(session: Session, part: string, map: TaskName): Promise<ExitCode> {
  const { client, screen, json, clock } = session;
  const reply = await client.items({ instance: await resolveInstance(client, part), map, limit: 1_000 });
  if (json) {
    screen.printJson(reply);
    return exitCodes.ok;
  }
  const columns = taskColumns(session, clock.now());
  for (const line of formatTable(columns, reply.items, { paintTitle: screen.colors.dim })) screen.print(line);
  if (reply.count > reply.items.length) screen.note(`shown are ${reply.items.length} of ${reply.count} items`);
  return exitCodes.ok;
}

function headLines({ screen: { colors } }: Session, reply: RunReply, now: number): string[] {
  const { run, owner, params, counts, revision } = reply;
  const field = (name: string, value: string): string => `${colors.dim(name.padEnd(10))}${value}`;
  const possible = possibleCommandsText(reply);
  const hasParams = Object.keys(params).length > 0;
  return [
    `${colors.bold(run.workflow)} version ${run.version}  ${paintStatus(colors, run.status)(run.status)}`,
    field('run', run.instance),
    field('key', oneLine(run.key)),
    field(
      'submitted',
      `${shortAge(run.submittedAt, now)}, ${run.finishedAt === undefined ? 'going on' : `took ${tookOf(run, now)}`}`,
    ),
    ...(run.parent === undefined ? [] : [field('parent', `${run.parent.instance}, task ${run.parent.task}`)]),
    ...(owner === undefined ? [] : [field('owner', `${owner.master} on ${oneLine(owner.host)}, epoch ${owner.epoch}`)]),
    field('revision', String(revision)),
    ...(hasParams ? [field('params', shortened(oneLine(JSON.stringify(params)), paramsLengthMax))] : []),
    ...(reply.outputs === undefined
      ? []
      : [field('outputs', shortened(oneLine(JSON.stringify(reply.outputs)), paramsLengthMax))]),
    field('tasks', countsText(counts)),
    ...(possible === '' ? [] : [field('can', shortened(oneLine(possible), paramsLengthMax))]),
  ];
}

function countsText(counts: Record<string, number>): string {
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  return shown.map(([status, count]) => `${count} ${oneLine(status)}`).join(', ');
}

function taskColumns({ screen }: Session, now: number): Column<TaskSummary>[] {
  return [
    { title: 'TASK', cell: (task) => task.task },
    { title: 'STATUS', cell: (task) => ({ text: task.status, paint: paintStatus(screen.colors, task.status) }) },
    { title: 'ATTEMPTS', cell: (task) => String(task.attempts), align: 'right' },
    { title: 'WORKER', cell: (task) => task.worker ?? '' },
    { title: 'TOOK', cell: (task) => taskTook(task, now), align: 'right' },
    { title: 'NEEDS', cell: (task) => shortened(task.needs.join(', '), 40) },
    { title: 'NOTE', cell: (task) => shortened(oneLine(taskNote(task, now)), 120) },
  ];
}

function taskNote(task: TaskSummary, now: number): string {
  const applications = applicationsText(task);
  const note = ownNote(task, now);
  return note === '' || applications === '' ? note + applications : `${note}; ${applications}`;
}

/** Of the newest attempt that has some. */
function applicationsText({ applications = [] }: TaskSummary): string {
  const last = applications.at(-1)?.attemptId;
  const newest = applications.filter(({ attemptId }) => attemptId === last);
  return newest.map(({ id, cluster }) => `${id} on ${cluster}`).join(', ');
}

function ownNote({ missing, note = '', child, dueAt }: TaskSummary, now: number): string {
  if (missing !== undefined) return missing;
  if (child !== undefined && !note.includes(child)) return note === '' ? `run ${child}` : `${note}; run ${child}`;
  return dueAt === undefined || dueAt <= now ? note : `${note} (in ${shortDuration(dueAt - now)} at the latest)`;
}

function taskTook(task: TaskSummary, now: number): string {
  return task.startedAt === undefined ? '' : shortDuration((task.finishedAt ?? now) - task.startedAt);
}
