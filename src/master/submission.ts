/**
 * Submissions: a key makes a run, once and for ever.
 *
 * I3 The instance id is derived from workflow and key: the same key always names the same stream, and the stream can only
 *    begin once. There is no table of keys, and no time after which a key is forgotten.
 * I2 The receipt is answered after the append.
 */
import { staticParamFaults } from '../../actors/params/static-faults.ts';
import type { InstanceId, SubmissionKey, WorkflowName } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { type Receipt, type SubmitRequest, submitRequestSchema } from '../../schemas/messages/client.messages.ts';
import type { IdSource } from '../clock/clock.port.ts';
import { checkParams } from '../definitions/check-params.ts';
import type { DefinitionStore, RunnableDefinition } from '../definitions/definition-store.ts';
import { nearestName } from '../definitions/nearest-name.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeInstanceEvent, instanceStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import { instanceIdOf } from '../runs/instance-id.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { InstanceHost, NewRun } from './instance-host.ts';

export type SubmissionOptions = { definitions: DefinitionStore; host: InstanceHost; journal: Journal; ids: IdSource };

/** Revision of `WorkflowSubmitted`, the event that makes a run exist. */
const submittedRevision = 0;

export async function submit(options: SubmissionOptions, workflow: WorkflowName, body: unknown): Promise<Receipt> {
  const request = parseBody(submitRequestSchema, body ?? {}, `a submission of ${workflow}`);
  const definition = await definitionFor(options.definitions, workflow, request.version);
  const params = checkParams(definition.plan.definition, request.params);
  refuseFaulty(definition, params);
  refuseUnknownTasks(definition, request);
  const key = request.key ?? (options.ids.uuid() as SubmissionKey);
  const id = instanceIdOf(workflow, key);
  const { traceparent, logicalAt, start, dryRun, priority } = request;
  const origin = { correlationId: request.correlationId ?? id, ...(traceparent === undefined ? {} : { traceparent }) };
  const { isNew } = await options.host.create({
    id,
    key,
    definition,
    params,
    given: Object.keys(request.params),
    ...(logicalAt === undefined ? {} : { logicalAt }),
    ...(start === undefined ? {} : { start }),
    ...(dryRun === true ? { dryRun } : {}),
    ...(priority === undefined ? {} : { priority }),
    origin,
  });
  if (!isNew) return { ...(await firstReceipt(options.journal, id, key)), duplicate: true };
  return receiptOf(id, key, workflow, definition.reference.version);
}

export type ChildSubmission = Omit<NewRun, 'definition' | 'given'> & {
  workflow: WorkflowName;
  /** Absent: the newest one. */
  version?: number;
};

/** Makes the child run of a task, unless it exists: true if it did not. @throws AppError when it cannot be made */
export async function submitChild(options: SubmissionOptions, order: ChildSubmission): Promise<boolean> {
  const { workflow, version, ...run } = order;
  // What was made once is not held against what is registered today.
  if (await options.host.exists(run.id)) return false;
  const definition = await definitionFor(options.definitions, workflow, version);
  const params = checkParams(definition.plan.definition, run.params);
  const { isNew } = await options.host.create({ ...run, definition, params, given: Object.keys(run.params) });
  return isNew;
}

async function definitionFor(
  definitions: DefinitionStore,
  workflow: WorkflowName,
  version: number | undefined,
): Promise<RunnableDefinition> {
  if (version !== undefined) return definitions.version(workflow, version);
  const newest = await definitions.known(workflow);
  if (newest !== undefined) return newest;
  throw new AppError('WORKFLOW_NOT_FOUND', `no workflow ${workflow} is registered; register it first`);
}

/** Circles, and times without a meaning. Not asked of a child run: what it is given may be output of a task, and is not filled in. */
function refuseFaulty({ reference }: RunnableDefinition, params: JsonRecord): void {
  const [faulty] = staticParamFaults(params);
  if (faulty === undefined) return;
  const { name, fault } = faulty;
  const code = fault.code === 'PARAM_CIRCULAR' ? fault.code : 'TIME_EXPRESSION_INVALID';
  throw new AppError(code, `the parameter ${name} of ${reference.name}: ${fault.message}`, {
    details: { param: name },
  });
}

function refuseUnknownTasks({ plan, reference }: RunnableDefinition, { start }: SubmitRequest): void {
  const unknown = start?.tasks.find((task) => plan.indexOf(task) === undefined);
  if (unknown === undefined) return;
  const known = plan.tasks.map(({ definition }) => definition.name);
  const nearest = nearestName(unknown, known);
  const hint = nearest === undefined ? `it has ${namesOf(known)}` : `did you mean ${nearest}?`;
  throw new AppError('BAD_REQUEST', `the workflow ${reference.name} has no task ${unknown} to start with; ${hint}`, {
    details: { task: unknown, ...(nearest === undefined ? {} : { nearest }) },
  });
}

const namedMax = 10;

function namesOf(names: readonly string[]): string {
  const more = names.length > namedMax ? ` and ${names.length - namedMax} more` : '';
  return `${names.slice(0, namedMax).join(', ')}${more}`;
}

async function firstReceipt(journal: Journal, id: InstanceId, key: SubmissionKey): Promise<Receipt> {
  for await (const recorded of journal.read(instanceStream(id), { limit: 1 })) {
    const event = decodeInstanceEvent(recorded);
    if (event.type !== 'WorkflowSubmitted') break;
    return receiptOf(id, key, event.data.definition.name, event.data.definition.version);
  }
  throw new AppError('JOURNAL_INCONSISTENT', `the stream of ${id} does not begin with WorkflowSubmitted`);
}

function receiptOf(instance: InstanceId, key: SubmissionKey, workflow: WorkflowName, version: number): Receipt {
  return { instance, workflow, version, key, revision: submittedRevision, duplicate: false };
}
