/**
 * The catalogue of error codes. A code never changes; its text may. `retry` says whether the same call may succeed later,
 * `httpStatus` how it maps to HTTP. Every refusal to a user carries one of these codes.
 */
import { z } from 'zod';
import { jsonRecordSchema } from './json.ts';

export const errorCatalogue = {
  BAD_JSON: { httpStatus: 400, retry: false, meaning: 'The message is not JSON.' },
  BAD_REQUEST: { httpStatus: 400, retry: false, meaning: 'The message does not fit its schema.' },
  BAD_CONFIGURATION: { httpStatus: 500, retry: false, meaning: 'The configuration does not fit its schema.' },
  DEFINITION_INVALID: { httpStatus: 422, retry: false, meaning: 'The workflow definition has faults; each is listed.' },
  DEFINITION_TOO_LARGE: { httpStatus: 413, retry: false, meaning: 'The definition does not fit one event.' },
  WORKFLOW_NOT_FOUND: { httpStatus: 404, retry: false, meaning: 'No such workflow, or no such version of it.' },
  PARAM_UNKNOWN: { httpStatus: 422, retry: false, meaning: 'The workflow has no such parameter.' },
  PARAM_MISSING: { httpStatus: 422, retry: false, meaning: 'A parameter without default was not given.' },
  PARAM_CIRCULAR: { httpStatus: 422, retry: false, meaning: 'Parameters refer to each other in a circle.' },
  PARAM_TOO_LARGE: { httpStatus: 413, retry: false, meaning: 'A text with its parameters filled in is too long.' },
  TIME_EXPRESSION_INVALID: { httpStatus: 422, retry: false, meaning: 'A time expression `$[...]` has no meaning.' },
  SECRET_UNKNOWN: { httpStatus: 422, retry: true, meaning: 'The worker does not have a secret that a task needs.' },
  INSTANCE_NOT_FOUND: { httpStatus: 404, retry: false, meaning: 'No such workflow instance.' },
  ATTEMPT_NOT_FOUND: { httpStatus: 404, retry: false, meaning: 'No such task or attempt in this instance.' },
  LOG_NOT_FOUND: {
    httpStatus: 404,
    retry: true,
    meaning: 'The worker that holds the log cannot be reached, or has none.',
  },
  COMMAND_NOT_ALLOWED: { httpStatus: 409, retry: false, meaning: 'The instance is in a state that does not allow it.' },
  NOT_OWNER: { httpStatus: 409, retry: true, meaning: 'Another master owns the instance.' },
  OVERLOADED: { httpStatus: 503, retry: true, meaning: 'Too much work waits; try again later.' },
  SHUTTING_DOWN: { httpStatus: 503, retry: true, meaning: 'The process is about to stop.' },
  NO_RESPONDERS: { httpStatus: 503, retry: true, meaning: 'No process listens on that subject.' },
  REQUEST_TIMEOUT: {
    httpStatus: 504,
    retry: true,
    meaning: 'No answer within the deadline; it may still have happened.',
  },
  NATS_UNAVAILABLE: { httpStatus: 503, retry: true, meaning: 'NATS cannot be reached.' },
  JOURNAL_UNAVAILABLE: { httpStatus: 503, retry: true, meaning: 'The event store cannot be reached.' },
  JOURNAL_INCONSISTENT: {
    httpStatus: 500,
    retry: false,
    meaning: 'A stream holds an event that its machine cannot take.',
  },
  HISTORY_INVALID: { httpStatus: 422, retry: false, meaning: 'The history of a run cannot be read or replayed.' },
  APPEND_TOO_LARGE: { httpStatus: 413, retry: false, meaning: 'The events exceed the largest append.' },
  OUTPUT_TOO_LARGE: { httpStatus: 413, retry: false, meaning: 'The outputs of a task exceed the limit.' },
  OUTPUT_INVALID: { httpStatus: 422, retry: false, meaning: 'The output file of a task cannot be read.' },
  TASK_EXIT_NONZERO: {
    httpStatus: 500,
    retry: true,
    meaning: 'The command of a task ended with another exit code than 0.',
  },
  TASK_KILLED: { httpStatus: 500, retry: true, meaning: 'The command of a task was ended by a signal.' },
  TASK_START_FAILED: { httpStatus: 500, retry: true, meaning: 'The task could not be started.' },
  TASK_CANCELLED: { httpStatus: 409, retry: false, meaning: 'The attempt was cancelled.' },
  TASK_TIMED_OUT: { httpStatus: 504, retry: true, meaning: 'The attempt ran longer than its timeout.' },
  TASK_QUEUE_TIMED_OUT: { httpStatus: 504, retry: true, meaning: 'The task waited too long for a worker.' },
  AWAIT_TIMED_OUT: { httpStatus: 504, retry: true, meaning: 'What the task waited for did not come in time.' },
  APPROVAL_DECLINED: { httpStatus: 403, retry: false, meaning: 'A person declined the approval.' },
  CHILD_FAILED: { httpStatus: 500, retry: true, meaning: 'The child run of a task failed; the message names it.' },
  CHILD_STOPPED: { httpStatus: 409, retry: true, meaning: 'The child run of a task was stopped by somebody else.' },
  CHILD_DEPTH_EXCEEDED: {
    httpStatus: 422,
    retry: false,
    meaning: 'Child runs are nested too deep: a workflow may run itself without end.',
  },
  DEPENDENT_FAILED: { httpStatus: 500, retry: true, meaning: 'The runs that a dependent task names have failed.' },
  MAP_TOO_LARGE: { httpStatus: 413, retry: false, meaning: 'A map has too many items, or its lists are too large.' },
  MAP_ITEMS_FAILED: { httpStatus: 500, retry: false, meaning: 'More items of a map failed than it allows.' },
  MAP_RESULTS_TOO_LARGE: {
    httpStatus: 413,
    retry: false,
    meaning: 'The results of the items of a map are larger than outputs may be, and are left out of them.',
  },
  EXPRESSION_FAILED: { httpStatus: 422, retry: false, meaning: 'An expression could not be evaluated.' },
  TASK_LOST_TOO_OFTEN: { httpStatus: 500, retry: false, meaning: 'Workers were lost under this task too many times.' },
  TASK_SCRIPTED_FAILURE: { httpStatus: 500, retry: true, meaning: 'A script task failed as its script says.' },
  HTTP_STATUS_UNEXPECTED: {
    httpStatus: 502,
    retry: true,
    meaning: 'The HTTP response has another status than expected.',
  },
  HTTP_REQUEST_FAILED: { httpStatus: 502, retry: true, meaning: 'The HTTP request got no response.' },
  WORKER_DRAINING: { httpStatus: 503, retry: true, meaning: 'The worker takes no more work.' },
  WORKER_SLOTS_FULL: { httpStatus: 503, retry: true, meaning: 'All slots of the worker are taken.' },
  WORKER_UNREACHABLE: { httpStatus: 503, retry: true, meaning: 'The worker does not answer.' },
  WORKER_INCARNATION_GONE: {
    httpStatus: 410,
    retry: false,
    meaning: 'The worker was restarted since the offer was made.',
  },
  EPOCH_STALE: { httpStatus: 409, retry: false, meaning: 'A later owner of the instance is known.' },
  ATTEMPT_REVOKED: { httpStatus: 410, retry: false, meaning: 'The attempt was revoked and will never start here.' },
  SQL_FAILED: { httpStatus: 502, retry: true, meaning: 'The database refused the statement, or cannot be reached.' },
  NATS_TASK_FAILED: {
    httpStatus: 502,
    retry: true,
    meaning: 'The message of a nats task was not sent, or not answered.',
  },
  PLUGIN_UNKNOWN: { httpStatus: 422, retry: true, meaning: 'The worker has no plugin of that name.' },
  PLUGIN_FAILED: { httpStatus: 500, retry: true, meaning: 'The plugin that runs the task failed.' },
  CLUSTER_UNKNOWN: { httpStatus: 422, retry: false, meaning: 'The configuration has no cluster of that name.' },
  CLUSTER_UNREACHABLE: {
    httpStatus: 503,
    retry: true,
    meaning: 'No address of the cluster gave an answer; nothing is known of the application.',
  },
  CLUSTER_REFUSED: { httpStatus: 403, retry: false, meaning: 'The cluster does not let this user do that.' },
  CLUSTER_ANSWER_INVALID: {
    httpStatus: 502,
    retry: true,
    meaning: 'The cluster answered something else than it should.',
  },
  APPLICATION_FAILED: {
    httpStatus: 500,
    retry: true,
    meaning: 'An application of the task failed, or was killed, at its cluster.',
  },
  APPLICATION_UNKNOWN: {
    httpStatus: 502,
    retry: true,
    meaning: 'The cluster does not know an application of the task any more, and cannot say how it ended.',
  },
  TASK_TYPE_UNKNOWN: { httpStatus: 422, retry: false, meaning: 'The worker has no such task type.' },
  STORE_LOCKED: { httpStatus: 409, retry: false, meaning: 'Another process uses this data folder.' },
  INTERNAL: { httpStatus: 500, retry: true, meaning: 'A fault of Millrace itself; the log has more.' },
} as const satisfies Record<string, { httpStatus: number; retry: boolean; meaning: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

export const errorCodeSchema = z.enum(Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]]);

/** How a refusal looks on every surface: expected, found and remedy stand in `message`. */
export const errorReplySchema = z.object({
  code: errorCodeSchema,
  message: z.string(),
  details: jsonRecordSchema.optional(),
});

export type ErrorReply = z.infer<typeof errorReplySchema>;
