/**
 * `shell`: runs a command with `/bin/sh -c`, where its host says; what happens to the process is told there (S1-S3). An
 * attempt survives the worker when its host does.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ParamScope } from '../../actors/params/param-scope.ts';
import type { Looked } from '../../actors/params/placeholder.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import { attemptScope, filledText } from './attempt-scope.ts';
import type { CommandEnd, CommandHost, CommandListener, RunningCommand } from './command-host.port.ts';
import { createDirectCommandHost } from './direct-command-host.ts';
import type { ProcessTable } from './process-table.port.ts';
import { readSaidOutputs } from './said-outputs.ts';
import { settingsOf } from './settings-of.ts';
import { type ShellFiles, shellEnvironment } from './shell-environment.ts';
import { readShellOutputs } from './shell-outputs.ts';
import type { AttemptContext, AttemptFolder, AttemptResult, RunningAttempt, TaskType } from './task-type.port.ts';

const ownerOnly = 0o600;

export type ShellTaskTypeOptions = {
  processes: ProcessTable;
  /** The worker's environment; only PATH, HOME, LANG, TZ and USER are passed on. */
  baseEnvironment: Readonly<Record<string, string | undefined>>;
  /** Default: this very process; then no attempt survives it. */
  host?: CommandHost;
  log?: Log;
};

export function createShellTaskType(options: ShellTaskTypeOptions): TaskType {
  const hostFor = hostOf(options);
  return {
    type: 'shell',
    hasOutsideEffects: () => true,
    start: (context) => start(context, hostFor(context.clock), options.baseEnvironment),
    adopt: (context) => adopt(context, hostFor(context.clock)),
  };
}

/** The clock comes with the first attempt. */
function hostOf({ host, processes, log = silentLog }: ShellTaskTypeOptions): (clock: Clock) => CommandHost {
  let direct = host;
  return (clock) => {
    direct ??= createDirectCommandHost({ processes, clock, log });
    return direct;
  };
}

function start(
  context: AttemptContext,
  host: CommandHost,
  baseEnvironment: ShellTaskTypeOptions['baseEnvironment'],
): RunningAttempt {
  const { offer, secrets } = context;
  const { command, graceMs, template = false } = settingsOf(offer, 'shell');
  const folder = context.folder();
  const files = filesIn(folder);
  const scope = attemptScope(offer, { secretOf: secrets.find, folder: folder.work });
  const { params, needs } = offer.inputs;
  writeFileSync(files.inputs, JSON.stringify({ params, needs }), { mode: ownerOnly });
  writeFileSync(files.output, '', { mode: ownerOnly });
  const running: RunningCommand = host.start(
    {
      attemptId: offer.attemptId,
      command: template ? filledCommand(command, offer, scope) : command,
      folder: folder.work,
      environment: shellEnvironment(baseEnvironment, { offer, scope, files }),
      graceMs,
      output: context.outputPlace(),
      ...(secrets.mask.isEmpty ? {} : { masked: secrets.mask.texts }),
    },
    listenerOf(context, () => running),
  );
  return toRunningAttempt(running);
}

/** Unknown names are the shell's; so are secrets, which others could see in a command line. */
function filledCommand(command: string, { inputs }: Offer, scope: ParamScope): string {
  const lookup = (name: string): Looked => {
    const own = { kind: 'value', value: `\${${name}}` } as const;
    if (Object.hasOwn(inputs.late ?? {}, name)) return own;
    const looked = scope.lookup(name);
    return looked.kind === 'fault' && looked.fault.code === 'PARAM_MISSING' ? own : looked;
  };
  return filledText(command, { lookup, time: scope.time });
}

async function adopt(context: AttemptContext, host: CommandHost): Promise<RunningAttempt | undefined> {
  const listener = listenerOf(context, () => running);
  const { graceMs } = settingsOf(context.offer, 'shell');
  const running = await host.adopt({ attemptId: context.offer.attemptId, graceMs }, listener);
  return running === undefined ? undefined : toRunningAttempt(running);
}

function toRunningAttempt(command: RunningCommand): RunningAttempt {
  return { cancel: (urgency, reason = 'stop') => command.cancel(urgency, reason) };
}

function filesIn({ root }: AttemptFolder): ShellFiles {
  return { inputs: join(root, 'inputs.json'), output: join(root, 'outputs') };
}

/** `command` is late: the listener is made before it. */
function listenerOf(context: AttemptContext, command: () => RunningCommand | undefined): CommandListener {
  return {
    spawned: (process) => context.noteProcess(process, () => command()?.openGate()),
    wrote: (sizeBytes) => context.noteOutput(sizeBytes),
    ended: (end, endedAt) =>
      context.ended(resultOf(end, context), {
        ...(endedAt === undefined ? {} : { endedAt }),
        onDurable: () => command()?.forget(),
      }),
  };
}

function resultOf(end: CommandEnd, context: AttemptContext): AttemptResult {
  switch (end.kind) {
    case 'exited':
      return end.exitCode === 0 ? outputsOf(context) : exitedBadly(end.exitCode, end.lastLine);
    case 'killed': {
      const message = `the command was ended by ${end.signal}. ${lastWords(end.lastLine)}`;
      return { kind: 'failed', fault: { code: 'TASK_KILLED', message } };
    }
    case 'cancelled':
      return { kind: 'cancelled', reason: end.reason };
    case 'startFailed':
      return { kind: 'failed', fault: { code: 'TASK_START_FAILED', message: end.message } };
    case 'lost':
      return { kind: 'lost', fault: { code: 'WORKER_INCARNATION_GONE', message: end.message } };
  }
}

/** What was written to the file goes before what was said in the output. */
function outputsOf(context: AttemptContext): AttemptResult {
  const written = readShellOutputs(filesIn(context.folder()).output, context.outputSizeBytesMax);
  if (written.kind !== 'succeeded') return written;
  const said = readSaidOutputs(context.outputPlace().path);
  return { kind: 'succeeded', outputs: { ...said, ...written.outputs } };
}

function exitedBadly(exitCode: number, lastLine: string): AttemptResult {
  const message = `expected exit code 0, found ${exitCode}. ${lastWords(lastLine)}`;
  return { kind: 'failed', fault: { code: 'TASK_EXIT_NONZERO', message }, exitCode };
}

function lastWords(lastLine: string): string {
  return lastLine === '' ? 'It wrote nothing.' : `Its last line: ${lastLine}`;
}
