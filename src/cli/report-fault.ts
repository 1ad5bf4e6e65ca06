/** The end of a command that did not work: one clear sentence, an exit code, and never a stack trace unless asked for. */
import { CommanderError } from 'commander';
import type { ErrorReply } from '../../schemas/errors.ts';
import { maskSecrets } from '../config/mask-secrets.ts';
import { AppError } from '../errors/app-error.ts';
import { CommandEnd } from './command-end.ts';
import { type ExitCode, exitCodeOfError, exitCodes } from './exit-codes.ts';
import type { Screen } from './screen.ts';

export type ReportOptions = { screen: Screen; json: boolean; debug: boolean };

export function reportFault(fault: unknown, options: ReportOptions): ExitCode {
  if (fault instanceof CommandEnd) {
    if (fault.message !== '') options.screen.note(fault.message);
    return fault.exitCode;
  }
  if (fault instanceof CommanderError && fault.exitCode === 0) return exitCodes.ok;
  const reply = replyOf(fault);
  if (reply.message !== '') options.screen.note(options.json ? JSON.stringify(reply) : sentence(reply, options.screen));
  if (options.debug) options.screen.note(maskSecrets(traceOf(fault)));
  return exitCodeOfError(reply.code);
}

function replyOf(fault: unknown): ErrorReply {
  if (fault instanceof CommanderError) return usageReply(fault);
  if (fault instanceof AppError) {
    const { code, message, details } = fault;
    return { code, message: maskSecrets(message), ...(details === undefined ? {} : { details }) };
  }
  return { code: 'INTERNAL', message: 'A fault of Millrace itself. "--debug" shows where; please report it.' };
}

/** Commander has already written the help that it ends with; only its errors have a sentence. */
function usageReply(fault: CommanderError): ErrorReply {
  const message = fault.code === 'commander.help' ? '' : fault.message.replace(/^error: /, '');
  return { code: 'BAD_REQUEST', message };
}

/** The code stands at the end of the first line; what follows are details of the message. */
function sentence({ code, message }: ErrorReply, { colors }: Screen): string {
  const [first = '', ...rest] = message.split('\n');
  const shownCode = code === 'BAD_REQUEST' ? '' : ` ${colors.dim(`[${code}]`)}`;
  return [`${colors.red('error:')} ${first}${shownCode}`, ...rest].join('\n');
}

function traceOf(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault);
  const cause = fault.cause === undefined ? '' : `\ncaused by ${traceOf(fault.cause)}`;
  return `${fault.stack ?? fault.message}${cause}`;
}
