/** Every NATS subject and KV bucket is named here and nowhere else. */
import type { InstanceId, MasterId, WorkerId, WorkflowName } from '../ids.ts';

const root = 'millrace.v1';

export const subjects = {
  /** Anyone: submit a run of a workflow (request/reply). */
  submit: (workflow: WorkflowName | '*') => `${root}.submit.${workflow}`,
  /** Anyone: steer a run (request/reply). */
  command: `${root}.command`,
  /** Anyone: register a definition (request/reply). */
  register: `${root}.register`,
  /** Anyone: questions about runs; the kind is the last token. */
  query: (kind: QueryKind | '*') => `${root}.query.${kind}`,
  /** Out: one message for each durable event of a run. */
  events: (workflow: WorkflowName | '*', instance: InstanceId | '*', type: string) =>
    `${root}.events.${workflow}.${instance}.${type}`,
  /** Anyone: look at task groups and change them (request/reply). */
  taskGroup: (operation: TaskGroupOperation | '*') => `${root}.taskGroup.${operation}`,
  /** Anyone: crown a task, freeze a workflow or a worker group, see what is in force (request/reply). */
  operations: `${root}.operations`,
  /** Anyone: the history of a task group, a workflow queue or the operations (request/reply). */
  actorEvents: `${root}.actorEvents`,
  masters: {
    /** From a worker whose run's owner stays silent: any master answers for it. */
    report: `${root}.masters.report`,
    /** To all masters: slots were granted, or the reasons for waiting have changed. */
    slots: `${root}.masters.slots`,
    /** To all masters: a run was admitted, turned away, or is to stop. */
    admission: `${root}.masters.admission`,
  },
  master: {
    report: (master: MasterId) => `${root}.master.${master}.report`,
    command: (master: MasterId) => `${root}.master.${master}.command`,
    ping: (master: MasterId) => `${root}.master.${master}.ping`,
    /** From a master that hands runs over. */
    adopt: (master: MasterId) => `${root}.master.${master}.adopt`,
    /** From another master: a question to a task group, a workflow queue or the operations that this one owns. */
    actor: (master: MasterId) => `${root}.master.${master}.actor`,
  },
  worker: {
    offer: (worker: WorkerId) => `${root}.worker.${worker}.offer`,
    cancel: (worker: WorkerId) => `${root}.worker.${worker}.cancel`,
    takeover: (worker: WorkerId) => `${root}.worker.${worker}.takeover`,
    logs: (worker: WorkerId) => `${root}.worker.${worker}.logs`,
    ping: (worker: WorkerId) => `${root}.worker.${worker}.ping`,
  },
} as const;

export const queryKinds = [
  'runs',
  'run',
  'state',
  'items',
  'why',
  'events',
  'logs',
  'definitions',
  'definition',
  'cluster',
] as const;
export type QueryKind = (typeof queryKinds)[number];

export const taskGroupOperations = ['list', 'set', 'open', 'close', 'force', 'priority'] as const;
export type TaskGroupOperation = (typeof taskGroupOperations)[number];

/** All masters share one queue group: each request reaches one of them. */
export const masterQueueGroup = 'millrace-masters';

export const buckets = {
  /** Key `master.<id>` or `worker.<id>`; an entry vanishes when it is not renewed. */
  members: 'millrace_members',
  /** Key `<kind>.<id>`: which master tries to write that actor's stream. */
  claims: 'millrace_claims',
} as const;

export const memberKey = {
  master: (id: MasterId) => `master.${id}`,
  worker: (id: WorkerId) => `worker.${id}`,
} as const;

/** Kinds of journaled actors that have an owner. */
export const actorKinds = ['workflowInstance', 'taskGroup', 'workflowQueue', 'clusterOperations'] as const;
export type ActorKind = (typeof actorKinds)[number];

/** There is one actor of the kind `clusterOperations`. */
export const operationsId = 'main';

export const claimKey = (kind: ActorKind, id: string) => `${kind}.${id}`;
