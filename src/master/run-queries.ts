/** Questions about runs, answered by any master: from memory where it owns the run, else from the journal. */

import { outputsOfRun } from '../../actors/child-runs/child-run.ts';
import type { Plan } from '../../actors/graph/plan.ts';
import { possibleCommands, possibleTaskCommands } from '../../actors/workflow-instance/capabilities.ts';
import { explain } from '../../actors/workflow-instance/explain.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import {
  itemSummaries,
  runStatusOf,
  taskStateOf,
  taskSummaries,
} from '../../actors/workflow-instance/workflow-instance.view.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { AttemptId, InstanceId, TaskName, WorkerId } from '../../schemas/ids.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import {
  type DefinitionReply,
  definitionQuerySchema,
  type EventView,
  eventsQuerySchema,
  type ItemsReply,
  itemsQuerySchema,
  type LogsReply,
  logsQuerySchema,
  logsReplySchema,
  type RunQuery,
  type RunReply,
  runQuerySchema,
  runsQuerySchema,
  type StateReply,
  type TaskSummary,
} from '../../schemas/messages/client.messages.ts';
import { type WhyReply, whyQuerySchema } from '../../schemas/messages/explanation.messages.ts';
import { queryKinds, subjects } from '../../schemas/messages/subjects.ts';
import type { DefinitionStore } from '../definitions/definition-store.ts';
import { AppError } from '../errors/app-error.ts';
import { decodeInstanceEvent, instanceStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import { stateHashOf } from '../replay/state-hash.ts';
import type { RunIndex } from '../runs/run-index.port.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import { type FoldedRun, foldRun } from './fold-run.ts';
import type { InstanceHost } from './instance-host.ts';
import { withMissingRuns } from './missing-runs.ts';

export type RunQueriesOptions = {
  transport: Transport;
  journal: Journal;
  index: RunIndex;
  host: InstanceHost;
  definitions: DefinitionStore;
  members: MemberDirectory;
};

const logSlackMs = 5_000;
/** A page of events fits one message, whatever outputs the tasks have: a server takes 1 MB unless it is told otherwise. */
const pageSizeBytesMax = 524_288;

export class RunQueries {
  readonly #options: RunQueriesOptions;

  constructor(options: RunQueriesOptions) {
    this.#options = options;
  }

  /** @param kind last token of the subject: anything a user may write */
  async answer(kind: string, body: unknown): Promise<unknown> {
    switch (kind) {
      case 'runs':
        return this.#options.index.list(parseBody(runsQuerySchema, body ?? {}, 'a question for runs'));
      case 'run':
        return this.#run(parseBody(runQuerySchema, body, 'a question for a run'));
      case 'items':
        return this.#items(body);
      case 'state':
        return this.#state(parseBody(runQuerySchema, body, 'a question for a state').instance);
      case 'events':
        return this.#events(body);
      case 'why':
        return this.#why(body);
      case 'logs':
        return this.#logs(body);
      case 'definitions':
        return { definitions: this.#definitions() };
      case 'definition':
        return this.#definition(body);
      case 'cluster':
        return { members: [...this.#options.members.masters(), ...this.#options.members.workers()] };
      default:
        throw new AppError('BAD_REQUEST', `there is no question ${kind}; ask one of ${queryKinds.join(', ')}`);
    }
  }

  async #run({ instance: id, can }: RunQuery): Promise<RunReply> {
    const folded = await this.#folded(id);
    const { actor, snapshot, revision } = folded;
    const { context, value } = snapshot;
    const summaries = taskSummaries(actor.plan, context);
    const { definition, key, submittedAt, finishedAt, logicalAt, parent, dryRun, owner, epoch } = context;
    if (definition === null || key === null || submittedAt === null) throw notFound(id);
    return {
      run: {
        instance: id,
        workflow: definition.name,
        version: definition.version,
        key,
        status: runStatusOf(value),
        submittedAt,
        ...(finishedAt === null ? {} : { finishedAt }),
        ...(logicalAt === null ? {} : { logicalAt }),
        ...(parent === null ? {} : { parent }),
        ...(dryRun ? { dryRun } : {}),
      },
      ...(owner === null ? {} : { owner: { master: owner.master, host: owner.host, epoch } }),
      revision,
      params: context.params,
      ...declaredOutputs(actor.plan, snapshot),
      counts: { ...context.counts },
      ...(can ? { can: possibleCommands({ actor, snapshot }) } : {}),
      tasks: await withMissingRuns(this.#options, { actor, snapshot }, can ? withCommands(folded) : summaries),
    };
  }

  async #items(body: unknown): Promise<ItemsReply> {
    const { instance, map, from, limit } = parseBody(itemsQuerySchema, body, 'a question for items');
    const { actor, snapshot, revision } = await this.#folded(instance);
    const page = itemSummaries(actor.plan, snapshot.context, { map, from, limit });
    if (page === undefined) throw new AppError('ATTEMPT_NOT_FOUND', `the run ${instance} has no map ${map}`);
    return { revision, ...page };
  }

  async #state(instance: InstanceId): Promise<StateReply> {
    const { actor, snapshot, revision } = await this.#folded(instance);
    const isLive = this.#options.host.find(instance)?.snapshot === snapshot;
    const stateHash = stateHashOf(actor.store(snapshot));
    return { instance, revision, epoch: snapshot.context.epoch, isLive, stateHash };
  }

  async #why(body: unknown): Promise<WhyReply> {
    const { instance, task, at } = parseBody(whyQuerySchema, body, 'a question why');
    const { actor, snapshot, revision } =
      at === undefined ? await this.#folded(instance) : await this.#foldedAt(instance, at);
    const explained = explain(actor.plan, snapshot, task);
    if (explained === undefined) throw taskNotFound(actor.plan, task);
    return { instance, revision, runStatus: snapshot.value, ...explained };
  }

  async #events(body: unknown): Promise<{ events: EventView[]; more: boolean }> {
    const { instance, from, limit } = parseBody(eventsQuerySchema, body, 'a question for events');
    const events: EventView[] = [];
    let sizeBytes = 0;
    for await (const recorded of this.#options.journal.read(instanceStream(instance), { from, limit: limit + 1 })) {
      const { revision, id, type, data, metadata } = recorded;
      const event = { revision, id, type, data: data as JsonRecord, metadata: metadata as JsonRecord };
      sizeBytes += Buffer.byteLength(JSON.stringify(event));
      if (events.length === limit || (events.length > 0 && sizeBytes > pageSizeBytesMax)) {
        return { events, more: true };
      }
      events.push(event);
    }
    if (events.length === 0 && from === 0) throw notFound(instance);
    return { events, more: false };
  }

  async #definition(body: unknown): Promise<DefinitionReply> {
    const { name, version } = parseBody(definitionQuerySchema, body, 'a question for a definition');
    const { definitions } = this.#options;
    const found = version === undefined ? await definitions.newest(name) : await definitions.version(name, version);
    if (found === undefined) throw new AppError('WORKFLOW_NOT_FOUND', `no workflow ${name} is registered`);
    return { ...found.reference, definition: found.plan.definition };
  }

  async #logs(body: unknown): Promise<LogsReply> {
    const query = parseBody(logsQuerySchema, body, 'a question for a log');
    const { attemptId, worker } = await this.#placeOf(query.instance, query.task, query.attemptId);
    const { instance, offset, limitBytes, waitMs } = query;
    const question = { instance, attemptId, offset, limitBytes, waitMs };
    const timeoutMs = waitMs + logSlackMs;
    const result = await this.#options.transport.request(subjects.worker.logs(worker), question, { timeoutMs });
    if (result.kind !== 'answer') {
      throw new AppError('LOG_NOT_FOUND', `the worker ${worker}, which holds the log of ${attemptId}, does not answer`);
    }
    const refused = errorReplySchema.safeParse(result.body);
    if (refused.success) throw new AppError(refused.data.code, refused.data.message);
    return logsReplySchema.parse(result.body);
  }

  async #placeOf(
    id: InstanceId,
    task: Parameters<typeof taskStateOf>[2],
    attempt: AttemptId | undefined,
  ): Promise<{ attemptId: AttemptId; worker: WorkerId }> {
    const { actor, snapshot } = await this.#folded(id);
    const state = taskStateOf(actor.plan, snapshot.context, task);
    if (state === undefined) throw taskNotFound(actor.plan, task);
    const { last } = state.context;
    if (last !== null && (attempt === undefined || attempt === last.attemptId)) return last;
    if (attempt === undefined) throw new AppError('ATTEMPT_NOT_FOUND', `the task ${task} has not been assigned yet`);
    return this.#olderPlace(id, attempt);
  }

  async #olderPlace(id: InstanceId, attempt: AttemptId): Promise<{ attemptId: AttemptId; worker: WorkerId }> {
    for await (const recorded of this.#options.journal.read(instanceStream(id))) {
      const event = decodeInstanceEvent(recorded);
      if (event.type === 'TaskAssigned' && event.data.attemptId === attempt) return event.data;
    }
    throw new AppError('ATTEMPT_NOT_FOUND', `the run ${id} has no attempt ${attempt}`);
  }

  async #folded(id: InstanceId): Promise<Pick<FoldedRun, 'actor' | 'snapshot' | 'revision'>> {
    const live = this.#options.host.find(id);
    if (live !== undefined && live.revision >= 0) return live;
    const folded = await this.#options.host.fold(id);
    if (folded === undefined) throw notFound(id);
    return folded;
  }

  /** As it was after the event of that revision, or after the last one if there are fewer. */
  async #foldedAt(id: InstanceId, revision: number): Promise<FoldedRun> {
    const folded = await foldRun(this.#options, id, { eventCountMax: revision + 1 });
    if (folded === undefined) throw notFound(id);
    return folded;
  }

  #definitions() {
    return [...this.#options.definitions.knownNames()].map(({ reference, plan }) => ({
      name: reference.name,
      version: reference.version,
      ...(plan.definition.description === undefined ? {} : { description: plan.definition.description }),
    }));
  }
}

function declaredOutputs(plan: Plan, { value, context }: WorkflowInstanceSnapshot): Pick<RunReply, 'outputs'> {
  if (value !== 'succeeded' || plan.definition.outputs === undefined) return {};
  const resolved = outputsOfRun({ plan, context });
  return resolved.ok ? { outputs: resolved.values } : {};
}

export function notFound(id: InstanceId): AppError {
  return new AppError('INSTANCE_NOT_FOUND', `there is no run ${id}; list them to see which there are`);
}

function taskNotFound({ definition }: Plan, task: TaskName): AppError {
  const names = definition.tasks.slice(0, 20).map(({ name }) => name);
  return new AppError('ATTEMPT_NOT_FOUND', `the run has no task ${task}; it has ${names.join(', ')}`);
}

/** Trying every command on more tasks than this takes too long for a view. */
const triedTasksMax = 1_000;

function withCommands(run: Pick<FoldedRun, 'actor' | 'snapshot'>): TaskSummary[] {
  const { plan } = run.actor;
  const summaries = taskSummaries(plan, run.snapshot.context);
  if (plan.tasks.length > triedTasksMax) return summaries;
  return summaries.map((summary) => ({ ...summary, can: possibleTaskCommands(run, summary.task) }));
}
