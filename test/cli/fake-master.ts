/** A master that keeps a few runs in memory and answers the messages of users, each parsed by its schema. */
import type { z } from 'zod';
import type { ErrorReply } from '../../schemas/errors.ts';
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import {
  type DefinitionReply,
  definitionQuerySchema,
  type EventView,
  eventsQuerySchema,
  type LogsReply,
  logsQuerySchema,
  type RunReply,
  registerRequestSchema,
  runQuerySchema,
  runsQuerySchema,
  submitRequestSchema,
} from '../../schemas/messages/client.messages.ts';
import { type CommandRequest, commandRequestSchema } from '../../schemas/messages/command.messages.ts';
import {
  actorEventsQuerySchema,
  type GroupsReply,
  type OperationsReply,
  operationRequestSchema,
} from '../../schemas/messages/concurrency.messages.ts';
import { whyQuerySchema } from '../../schemas/messages/explanation.messages.ts';
import type { Member } from '../../schemas/messages/membership.messages.ts';
import { type QueryKind, subjects } from '../../schemas/messages/subjects.ts';
import type { IncomingMessage, Transport } from '../../src/transport/transport.port.ts';

export type FakeRun = RunReply & { events: EventView[] };

export type FakeMaster = {
  runs: FakeRun[];
  members: Member[];
  definitions: { name: string; version: number; description?: string }[];
  /** What is answered to those who ask for one version. */
  definitionReplies: DefinitionReply[];
  logs: Map<string, LogsReply[]>;
  groups: GroupsReply['groups'];
  operations: OperationsReply;
  actorEvents: EventView[];
  /** Every request, as `subject` and parsed body. */
  requests: { subject: string; body: unknown }[];
  /** Answers of the next requests on a subject, instead of the usual ones; `silence` gives none. */
  script: Map<string, (ErrorReply | { raw: unknown } | 'silence' | 'usual')[]>;
  /** Of commands that were done. */
  commandKeys: Set<string>;
  /** The run that the next submission makes. */
  nextRun: (() => FakeRun) | undefined;
  /** Publishes an event of a run as a message; `isDurable` false means that no query knows it. */
  publish(run: FakeRun, event: EventView): void;
};

export function createFakeMaster(transport: Transport): FakeMaster {
  const master: FakeMaster = {
    runs: [],
    members: [],
    definitions: [],
    definitionReplies: [],
    logs: new Map(),
    groups: [],
    operations: { crowns: [], freezes: [] },
    actorEvents: [],
    requests: [],
    script: new Map(),
    commandKeys: new Set(),
    nextRun: undefined,
    publish: (run, event) => {
      transport.publish(subjects.events(run.run.workflow, run.run.instance, event.type), event);
    },
  };
  const answerOn = (pattern: string, answer: (message: IncomingMessage) => unknown): void => {
    transport.subscribe(pattern, (message) => {
      master.requests.push({ subject: message.subject, body: message.body });
      const scripted = master.script.get(message.subject)?.shift();
      if (scripted === 'silence' || message.reply === undefined) return;
      if (scripted !== undefined && scripted !== 'usual')
        transport.publish(message.reply, 'raw' in scripted ? scripted.raw : scripted);
      else transport.publish(message.reply, answer(message));
    });
  };
  const query = (kind: QueryKind, answer: (body: unknown) => unknown): void =>
    answerOn(subjects.query(kind), ({ body }) => answer(body));

  answerOn(subjects.submit('*'), (message) => submit(master, message));
  answerOn(subjects.register, ({ body }) => register(master, body));
  answerOn(subjects.command, ({ body }) => command(master, body));
  answerOn(subjects.taskGroup('*'), () => ({ groups: master.groups }));
  answerOn(subjects.actorEvents, ({ body }) => {
    const { kind } = actorEventsQuerySchema.parse(body);
    return { events: kind === 'taskGroup' ? master.actorEvents : [], more: false };
  });
  answerOn(subjects.operations, ({ body }) => {
    operationRequestSchema.parse(body);
    return master.operations;
  });
  query('runs', (body) => listRuns(master, runsQuerySchema.parse(body)));
  query('run', (body) =>
    withRun(master, runQuerySchema.parse(body).instance, ({ events: _events, ...reply }) => reply),
  );
  query('why', (body) => {
    const { instance, task, at } = whyQuerySchema.parse(body);
    return withRun(master, instance, (run) => explained(run, task, at));
  });
  query('events', (body) => listEvents(master, eventsQuerySchema.parse(body)));
  query('logs', (body) => nextLogPage(master, logsQuerySchema.parse(body)));
  query('definitions', () => ({ definitions: master.definitions }));
  query('definition', (body) => {
    const { name, version } = definitionQuerySchema.parse(body);
    const found = master.definitionReplies.find((reply) => reply.name === name && reply.version === version);
    return found ?? { code: 'WORKFLOW_NOT_FOUND', message: `The workflow ${name} has no version ${version}.` };
  });
  query('cluster', () => ({ members: master.members }));
  return master;
}

function submit(master: FakeMaster, { subject, body }: IncomingMessage): unknown {
  const request = submitRequestSchema.parse(body ?? {});
  const workflow = subject.split('.').at(-1);
  const newest = master.definitions.findLast((definition) => definition.name === workflow);
  if (newest === undefined) return { code: 'WORKFLOW_NOT_FOUND', message: `There is no workflow "${workflow}".` };
  const known = master.runs.find((run) => run.run.key === request.key);
  const run = known ?? master.nextRun?.();
  if (run === undefined) throw new Error('the test gave no next run');
  if (known === undefined) master.runs.unshift(run);
  return {
    instance: run.run.instance,
    workflow,
    version: request.version ?? newest.version,
    key: request.key,
    revision: 0,
    duplicate: known !== undefined,
  };
}

function register(master: FakeMaster, body: unknown): unknown {
  const { definition } = registerRequestSchema.parse(body);
  const known = master.definitions.findLast(({ name }) => name === definition.name);
  const version = (known?.version ?? 0) + 1;
  master.definitions.push({ name: definition.name, version });
  return { name: definition.name, version, digest: 'a'.repeat(64), created: true };
}

function command(master: FakeMaster, body: unknown): unknown {
  const request = commandRequestSchema.parse(body);
  const { instance } = request;
  return withRun(master, instance, (run) => {
    if (request.type === 'resolveLost') return resolveLost(run, request.task);
    if (request.type !== 'stop') return steered(master, run, request);
    if (run.run.status !== 'running') {
      return { code: 'COMMAND_NOT_ALLOWED', message: `The run ${instance} has already ${run.run.status}.` };
    }
    run.run.status = 'stopping';
    return { instance, revision: run.revision + 1, changed: true, status: 'stopping' };
  });
}

function steered(master: FakeMaster, run: FakeRun, { key = '' }: CommandRequest): unknown {
  const { instance } = run.run;
  const changed = !master.commandKeys.has(key);
  master.commandKeys.add(key);
  return { instance, revision: run.revision + (changed ? 1 : 0), changed, status: run.run.status };
}

function explained(run: FakeRun, name: TaskName, at = run.revision): unknown {
  const { instance } = run.run;
  const task = run.tasks.find((candidate) => candidate.task === name);
  if (task === undefined) return { code: 'ATTEMPT_NOT_FOUND', message: `the run has no task ${name}` };
  const sentence = `${name} is ${task.status}`;
  const facts = [{ kind: 'waitsForDecision' }];
  return { instance, task: name, revision: at, status: task.status, runStatus: 'active', sentence, facts };
}

function resolveLost(run: FakeRun, name: TaskName): unknown {
  const { instance } = run.run;
  const task = run.tasks.find((candidate) => candidate.task === name);
  if (task?.status !== 'absent') return { code: 'COMMAND_NOT_ALLOWED', message: `The task ${name} is not absent.` };
  return { instance, revision: run.revision + 1, changed: true, status: run.run.status };
}

function listRuns(master: FakeMaster, query: z.output<typeof runsQuerySchema>): unknown {
  const start = query.before === undefined ? 0 : master.runs.findIndex((run) => run.run.instance === query.before) + 1;
  const fitting = master.runs
    .slice(start)
    .map((run) => run.run)
    .filter((run) => query.workflow === undefined || run.workflow === query.workflow)
    .filter((run) => query.status === undefined || run.status === query.status);
  return { runs: fitting.slice(0, query.limit), more: fitting.length > query.limit };
}

function listEvents(master: FakeMaster, { instance, from, limit }: z.output<typeof eventsQuerySchema>): unknown {
  return withRun(master, instance, (run) => {
    const rest = run.events.filter((event) => event.revision >= from);
    return { events: rest.slice(0, limit), more: rest.length > limit };
  });
}

function nextLogPage(master: FakeMaster, { instance, task }: z.output<typeof logsQuerySchema>): unknown {
  return withRun(master, instance, () => {
    const page = master.logs.get(task)?.shift();
    return page ?? { code: 'ATTEMPT_NOT_FOUND', message: `The run has no attempt of a task "${task}".` };
  });
}

function withRun(master: FakeMaster, instance: InstanceId, answer: (run: FakeRun) => unknown): unknown {
  const run = master.runs.find((candidate) => candidate.run.instance === instance);
  if (run === undefined) return { code: 'INSTANCE_NOT_FOUND', message: `There is no run ${instance}.` };
  return answer(run);
}
