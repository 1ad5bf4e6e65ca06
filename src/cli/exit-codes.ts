/** Exit codes, by the conventions of sysexits.h where it has one. The one table from error codes to exit codes. */
import type { ErrorCode } from '../../schemas/errors.ts';
import type { RunStatus } from '../../schemas/messages/client.messages.ts';

export const exitCodes = {
  ok: 0,
  runFailed: 1,
  runStopped: 2,
  usage: 64,
  badDefinition: 65,
  notFound: 66,
  unavailable: 69,
  internal: 70,
  tryAgain: 75,
  badConfiguration: 78,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.ok, 'done; with --wait: the run succeeded'],
  [exitCodes.runFailed, 'with --wait: the run failed; certify, verify: something does not hold'],
  [exitCodes.runStopped, 'with --wait: the run was stopped'],
  [exitCodes.usage, 'wrong usage: an argument, option, parameter or state that does not fit'],
  [exitCodes.badDefinition, 'the workflow definition has faults, or the file of a run'],
  [exitCodes.notFound, 'no such workflow, run, task or log'],
  [exitCodes.unavailable, 'nothing answers: no NATS server, or no master'],
  [exitCodes.internal, 'a fault of Millrace itself'],
  [exitCodes.tryAgain, 'try again: overloaded, shutting down, or no answer in time'],
  [exitCodes.badConfiguration, 'wrong configuration'],
  [exitCodes.interrupted, 'interrupted with Ctrl-C while waiting; the run goes on'],
];

const exitCodeByErrorCode = {
  BAD_JSON: exitCodes.usage,
  BAD_REQUEST: exitCodes.usage,
  BAD_CONFIGURATION: exitCodes.badConfiguration,
  DEFINITION_INVALID: exitCodes.badDefinition,
  DEFINITION_TOO_LARGE: exitCodes.badDefinition,
  WORKFLOW_NOT_FOUND: exitCodes.notFound,
  PARAM_UNKNOWN: exitCodes.usage,
  PARAM_MISSING: exitCodes.usage,
  PARAM_CIRCULAR: exitCodes.usage,
  PARAM_TOO_LARGE: exitCodes.usage,
  TIME_EXPRESSION_INVALID: exitCodes.usage,
  SECRET_UNKNOWN: exitCodes.runFailed,
  INSTANCE_NOT_FOUND: exitCodes.notFound,
  ATTEMPT_NOT_FOUND: exitCodes.notFound,
  LOG_NOT_FOUND: exitCodes.notFound,
  COMMAND_NOT_ALLOWED: exitCodes.usage,
  NOT_OWNER: exitCodes.tryAgain,
  OVERLOADED: exitCodes.tryAgain,
  SHUTTING_DOWN: exitCodes.tryAgain,
  NO_RESPONDERS: exitCodes.unavailable,
  REQUEST_TIMEOUT: exitCodes.tryAgain,
  NATS_UNAVAILABLE: exitCodes.unavailable,
  JOURNAL_UNAVAILABLE: exitCodes.tryAgain,
  JOURNAL_INCONSISTENT: exitCodes.internal,
  HISTORY_INVALID: exitCodes.badDefinition,
  APPEND_TOO_LARGE: exitCodes.badDefinition,
  OUTPUT_TOO_LARGE: exitCodes.internal,
  OUTPUT_INVALID: exitCodes.internal,
  TASK_EXIT_NONZERO: exitCodes.runFailed,
  TASK_KILLED: exitCodes.runFailed,
  TASK_START_FAILED: exitCodes.runFailed,
  TASK_CANCELLED: exitCodes.runStopped,
  TASK_TIMED_OUT: exitCodes.runFailed,
  TASK_QUEUE_TIMED_OUT: exitCodes.runFailed,
  AWAIT_TIMED_OUT: exitCodes.runFailed,
  APPROVAL_DECLINED: exitCodes.runFailed,
  MAP_TOO_LARGE: exitCodes.runFailed,
  MAP_ITEMS_FAILED: exitCodes.runFailed,
  MAP_RESULTS_TOO_LARGE: exitCodes.runFailed,
  CHILD_FAILED: exitCodes.runFailed,
  CHILD_STOPPED: exitCodes.runFailed,
  CHILD_DEPTH_EXCEEDED: exitCodes.runFailed,
  DEPENDENT_FAILED: exitCodes.runFailed,
  EXPRESSION_FAILED: exitCodes.runFailed,
  TASK_LOST_TOO_OFTEN: exitCodes.runFailed,
  TASK_SCRIPTED_FAILURE: exitCodes.runFailed,
  HTTP_STATUS_UNEXPECTED: exitCodes.runFailed,
  HTTP_REQUEST_FAILED: exitCodes.runFailed,
  WORKER_DRAINING: exitCodes.tryAgain,
  WORKER_SLOTS_FULL: exitCodes.tryAgain,
  WORKER_UNREACHABLE: exitCodes.tryAgain,
  WORKER_INCARNATION_GONE: exitCodes.tryAgain,
  EPOCH_STALE: exitCodes.tryAgain,
  ATTEMPT_REVOKED: exitCodes.internal,
  SQL_FAILED: exitCodes.runFailed,
  NATS_TASK_FAILED: exitCodes.runFailed,
  PLUGIN_UNKNOWN: exitCodes.runFailed,
  PLUGIN_FAILED: exitCodes.runFailed,
  CLUSTER_UNKNOWN: exitCodes.badConfiguration,
  CLUSTER_UNREACHABLE: exitCodes.tryAgain,
  CLUSTER_REFUSED: exitCodes.badConfiguration,
  CLUSTER_ANSWER_INVALID: exitCodes.tryAgain,
  APPLICATION_FAILED: exitCodes.tryAgain,
  APPLICATION_UNKNOWN: exitCodes.tryAgain,
  TASK_TYPE_UNKNOWN: exitCodes.badDefinition,
  STORE_LOCKED: exitCodes.tryAgain,
  INTERNAL: exitCodes.internal,
} as const satisfies Record<ErrorCode, ExitCode>;

export function exitCodeOfError(code: ErrorCode): ExitCode {
  return exitCodeByErrorCode[code];
}

/** How a run ended, for commands that waited for it. */
export type EndedStatus = Extract<RunStatus, 'succeeded' | 'failed' | 'stopped'>;

export function exitCodeOfRun(status: EndedStatus): ExitCode {
  switch (status) {
    case 'succeeded':
      return exitCodes.ok;
    case 'failed':
      return exitCodes.runFailed;
    case 'stopped':
      return exitCodes.runStopped;
  }
}
