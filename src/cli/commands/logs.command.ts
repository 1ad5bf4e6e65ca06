/** `millrace logs <run> <task>`: the output of an attempt, by pages that a master fetches from the worker. */
import type { AttemptId, InstanceId, TaskName } from '../../../schemas/ids.ts';
import type { LogsReply } from '../../../schemas/messages/client.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import { attemptId, taskName } from '../arguments.ts';
import { CommandEnd } from '../command-end.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { limits } from '../limits.ts';
import { pause } from '../pause.ts';
import { resolveInstance } from '../resolve-instance.ts';
import type { Session } from '../session.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';

type LogsOptions = { attempt?: AttemptId; follow?: boolean };
type Attempt = { instance: InstanceId; task: TaskName; attemptId: AttemptId | undefined };

export function addLogsCommand(host: CommandHost): void {
  host.program
    .command('logs')
    .helpGroup(commandGroups.look)
    .description('Show the output of a task.')
    .argument('<run>', 'id of the run, or a unique beginning or end of it')
    .argument('<task>', 'name of the task', taskName)
    .option('--attempt <id>', 'one attempt (default: the last one)', attemptId)
    .option('--follow', 'go on until the attempt has ended')
    .addHelpText('after', examples('millrace logs 0193a4c2 build', 'millrace logs 0193a4c2 build --follow'))
    .action((part: string, task: TaskName, options: LogsOptions) =>
      host.withSession(async (session) => {
        const instance = await resolveInstance(session.client, part);
        const attempt = { instance, task, attemptId: options.attempt };
        return options.follow === true ? follow(session, attempt) : showAll(session, attempt);
      }),
    );
}

/** What there is now: up to the end, or to the first empty page of an attempt that still runs. */
async function showAll({ client, screen, json }: Session, attempt: Attempt): Promise<ExitCode> {
  const texts: string[] = [];
  let page: LogsReply | undefined;
  do {
    page = await client.logs(pageAfter(attempt, page, 0));
    if (json) texts.push(page.text);
    else screen.write(page.text);
  } while (!page.end && page.text !== '');
  if (json) screen.printJson({ ...page, text: texts.join('') });
  return exitCodes.ok;
}

/** Ctrl-C is the usual end of following, so it is no fault. */
async function follow(session: Session, attempt: Attempt): Promise<ExitCode> {
  const { screen, json } = session;
  let page: LogsReply | undefined;
  try {
    do {
      page = await patientPage(session, attempt, page);
      if (json) screen.printJsonLine(page);
      else screen.write(page.text);
    } while (!page.end);
  } catch (fault) {
    if (!(fault instanceof CommandEnd)) throw fault;
  }
  return exitCodes.ok;
}

/** Outlives a restart of a worker or master; gives up when no answer came for a while. */
async function patientPage(session: Session, attempt: Attempt, last: LogsReply | undefined): Promise<LogsReply> {
  const { client, clock, screen, signal } = session;
  const giveUpAt = clock.now() + limits.logSilenceMaxMs;
  for (let failureCount = 0; ; failureCount += 1) {
    try {
      return await client.logs(pageAfter(attempt, last, limits.logWaitMs));
    } catch (fault) {
      const mayPass = fault instanceof AppError && fault.isRetryable && last !== undefined && clock.now() < giveUpAt;
      if (!mayPass) throw fault;
      if (failureCount === 0) screen.note(`waiting: ${fault.message}`);
    }
    await pause(clock, Math.min(limits.safetyIntervalMs, limits.followRetryDelayMs * 2 ** failureCount), signal);
  }
}

/** The attempt of the first page is kept, so that the output of a later attempt is never mixed in. */
function pageAfter({ instance, task, attemptId }: Attempt, last: LogsReply | undefined, waitMs: number) {
  return {
    instance,
    task,
    attemptId: last?.attemptId ?? attemptId,
    offset: last?.nextOffset ?? 0,
    limitBytes: limits.logPageBytes,
    waitMs,
  };
}
