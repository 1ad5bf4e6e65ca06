/** `millrace submit`: starts a run. The submission has a key, so that repeating it never makes a second run. */
import { Option } from 'commander';
import { type Priority, priorities } from '../../../schemas/definition/workflow.definition.ts';
import type { TaskName, WorkflowName } from '../../../schemas/ids.ts';
import { type SubmissionKey, submissionKeySchema } from '../../../schemas/ids.ts';
import type { Receipt, SubmitRequest } from '../../../schemas/messages/client.messages.ts';
import { AppError } from '../../errors/app-error.ts';
import {
  collected,
  type DurationMs,
  durationMs,
  severalTasks,
  submissionKey,
  timeAt,
  wholeNumber,
  workflowName,
} from '../arguments.ts';
import { type ExitCode, exitCodeOfRun, exitCodes } from '../exit-codes.ts';
import { paramsFrom } from '../params.ts';
import { readDefinition } from '../read-definitions.ts';
import type { Session } from '../session.ts';
import { waitForRun } from '../wait-for-run.ts';
import { type CommandHost, commandGroups, examples } from './command-host.ts';
import { registeredLine } from './register.command.ts';

type SubmitOptions = {
  file?: string;
  param?: string[];
  paramsJson?: string;
  key?: SubmissionKey;
  version?: number;
  logicalAt?: number;
  only?: TaskName[];
  from?: TaskName[];
  to?: TaskName[];
  dryRun?: boolean;
  priority?: Priority;
  wait?: boolean;
  timeout?: DurationMs;
};

type Target = { workflow: WorkflowName; version: number | undefined };

export function addSubmitCommand(host: CommandHost): void {
  host.program
    .command('submit')
    .helpGroup(commandGroups.workflows)
    .description('Start a run of a workflow.')
    .argument('[workflow]', 'name of a registered workflow', workflowName)
    .option('--file <file>', 'register this file first and run the version that it makes')
    .option('--param <name=value>', 'a parameter; the value is JSON or text; may be repeated', collected)
    .option('--params-json <object>', 'parameters as one JSON object')
    .option('--key <key>', 'identity of this submission: the same key never makes a second run', submissionKey)
    .option('--version <number>', 'version of the workflow (default: the newest)', wholeNumber({ min: 1, max: 1e9 }))
    .option('--logical-at <time>', 'time that the run stands for, with its zone (default: now)', timeAt)
    .option('--only <task>', 'run only this task; may be repeated', severalTasks)
    .option('--from <task>', 'run this task and all that needs it; may be repeated', severalTasks)
    .option('--to <task>', 'run this task and all that it needs; may be repeated', severalTasks)
    .option('--dry-run', 'run no task: each succeeds at once, without outputs')
    .addOption(new Option('--priority <priority>', 'in place of the priorities of the tasks').choices(priorities))
    .option('--wait', 'wait until the run has ended; the exit code is its result')
    .option('--timeout <duration>', 'with --wait: how long, such as 30s or 10m', durationMs)
    .addHelpText(
      'after',
      examples(
        'millrace submit hello --wait',
        'millrace submit --file deploy.yaml --param target=staging --wait --timeout 10m',
        'millrace submit deploy --key release-42 --json',
      ),
    )
    .action((workflow: WorkflowName | undefined, options: SubmitOptions) =>
      host.withSession((session) => submit(session, workflow, options)),
    );
}

async function submit(session: Session, workflow: WorkflowName | undefined, options: SubmitOptions): Promise<ExitCode> {
  refuseContradictions(workflow, options);
  const params = paramsFrom({ json: options.paramsJson, pairs: options.param ?? [] });
  const key = options.key ?? submissionKeySchema.parse(session.ids.uuid());
  const target = await targetOf(session, workflow, options);
  const { logicalAt, dryRun, priority } = options;
  const request = { key, params, version: target.version, logicalAt, start: startOf(options), dryRun, priority };
  const receipt = await submitWithKey(session, target, request);
  if (options.wait !== true) {
    showReceipt(session, receipt);
    return exitCodes.ok;
  }
  if (!session.json) session.screen.print(receiptLine(receipt));
  const status = await waitForRun(session, { ...receipt, timeoutMs: options.timeout });
  if (session.json) session.screen.printJson({ receipt, run: await session.client.run(receipt.instance) });
  return exitCodeOfRun(status);
}

function refuseContradictions(workflow: WorkflowName | undefined, options: SubmitOptions): void {
  const { file, version, timeout, wait } = options;
  if ((workflow === undefined) === (file === undefined)) {
    throw new AppError('BAD_REQUEST', 'Name either a registered workflow or a --file, one of both.');
  }
  if (file !== undefined && version !== undefined) {
    throw new AppError('BAD_REQUEST', '--version goes with a registered workflow; --file makes its own version.');
  }
  if ([options.only, options.from, options.to].filter((tasks) => tasks !== undefined).length > 1) {
    throw new AppError('BAD_REQUEST', '--only, --from and --to exclude each other: use one of them.');
  }
  if (timeout !== undefined && wait !== true) throw new AppError('BAD_REQUEST', '--timeout goes with --wait.');
}

function startOf({ only, from, to }: SubmitOptions): SubmitRequest['start'] {
  if (only !== undefined) return { tasks: only, mode: 'only' };
  if (from !== undefined) return { tasks: from, mode: 'forward' };
  return to === undefined ? undefined : { tasks: to, mode: 'backward' };
}

async function targetOf(
  session: Session,
  workflow: WorkflowName | undefined,
  { file, version }: SubmitOptions,
): Promise<Target> {
  if (workflow !== undefined) return { workflow, version };
  if (file === undefined) throw new AppError('BAD_REQUEST', 'Name a registered workflow or a --file.');
  const receipt = await session.client.register(await readDefinition(file, session.cwd));
  if (!session.json) session.screen.print(registeredLine(receipt));
  return { workflow: receipt.name, version: receipt.version };
}

/** Without an answer the run may exist or not; only the key can tell, so the sentence names it. */
async function submitWithKey(
  session: Session,
  { workflow }: Target,
  request: Parameters<Session['client']['submit']>[1] & { key: SubmissionKey },
): Promise<Receipt> {
  try {
    return await session.client.submit(workflow, request);
  } catch (fault) {
    if (!(fault instanceof AppError) || fault.code !== 'REQUEST_TIMEOUT') throw fault;
    const remedy = `Repeat it with "--key ${request.key}": if the run exists, you get its receipt.`;
    throw new AppError(fault.code, `${fault.message}\n${remedy}`, { details: { key: request.key }, cause: fault });
  }
}

function showReceipt({ screen, json }: Session, receipt: Receipt): void {
  if (json) {
    screen.printJson(receipt);
    return;
  }
  screen.print(receiptLine(receipt));
  screen.note(screen.colors.dim(`Follow it with: millrace events ${receipt.instance} --follow`));
}

function receiptLine({ workflow, version, instance, duplicate }: Receipt): string {
  return `${workflow} version ${version} ${duplicate ? 'was already submitted as' : 'submitted as'} ${instance}`;
}
