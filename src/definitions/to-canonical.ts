/** Makes the canonical definition of what a user wrote: durations in milliseconds, short forms written out. */

import { submissionOf } from '../../schemas/definition/submission-source.ts';
import {
  type RetrySource,
  retryDefaults,
  workerReturnLimitDefault,
} from '../../schemas/definition/task-common-source.ts';
import type { TaskSettings } from '../../schemas/definition/task-settings.ts';
import type { MapTaskSource, TaskSource } from '../../schemas/definition/task-source.ts';
import type {
  OnOrphaned,
  OnWorkerLost,
  RetryPolicy,
  WorkflowDefinition,
} from '../../schemas/definition/workflow.definition.ts';
import { workflowDefinitionSchema } from '../../schemas/definition/workflow.definition.ts';
import type { WorkflowSource } from '../../schemas/definition/workflow-source.ts';
import { parseDurationMs } from '../../schemas/duration.ts';
import { canonicalConditions, canonicalSwitch } from './canonical-logic-tasks.ts';
import { canonicalNats, canonicalPython, canonicalSql } from './canonical-program-tasks.ts';
import { canonicalDependent, canonicalWorkflowTask } from './canonical-run-tasks.ts';
import {
  canonicalFlink,
  canonicalK8s,
  canonicalMapreduce,
  canonicalSpark,
  canonicalYarn,
} from './canonical-submitting-tasks.ts';

/** Tasks keep the order of the text. The result is parsed once more: a definition that leaves here fits its schema. */
export function toCanonical(source: WorkflowSource): WorkflowDefinition {
  const tasks = Object.entries(source.tasks).map(([name, task]) => canonicalTask(name, task));
  const { timeout, ...workflow } = source;
  const { concurrency } = workflow;
  const runs = typeof concurrency === 'string' ? { concurrency: { policy: concurrency } } : {};
  return workflowDefinitionSchema.parse({ ...workflow, ...runs, ...durationField('timeoutMs', timeout), tasks });
}

function canonicalTask(name: string, task: TaskSource): Record<string, unknown> {
  return {
    name,
    ...(task.description === undefined ? {} : { description: task.description }),
    needs: typeof task.needs === 'string' ? [task.needs] : task.needs,
    settings: task.type === 'map' ? canonicalMap(task) : canonicalSettings(task),
    ...(task.enabled === false ? { enabled: false } : {}),
    ...canonicalTime(task),
    ...(task.type !== 'workflow' && 'params' in task && task.params !== undefined ? { params: task.params } : {}),
    ...canonicalPlace(task),
    ...canonicalOnOrphaned(task),
  };
}

/** Of a task that takes no time: what says nothing. */
function canonicalTime(task: TaskSource): object {
  if (!('retry' in task) && task.type !== 'map') return { retry: canonicalRetry(retryDefaults.attempts) };
  const { delay, timeout, timeoutPolicy } = task;
  return {
    retry: canonicalRetry('retry' in task ? task.retry : retryDefaults.attempts),
    ...(delay === undefined || durationMs(delay) === 0 ? {} : { delayMs: durationMs(delay) }),
    ...durationField('timeoutMs', timeout),
    ...(timeoutPolicy === undefined ? {} : { timeoutPolicy }),
  };
}

/** An item is as its task would be, but for what belongs to the map. */
function canonicalMap({ over, task, concurrency, failures }: MapTaskSource): object {
  const { name: _, needs: __, ...item } = canonicalTask('item', task);
  return {
    type: 'map',
    over: Object.entries(over).map(([name, values]) => ({ name, values })),
    task: item,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(failures === undefined ? {} : { failures }),
  };
}

function durationField(name: string, text: string | undefined): object {
  return text === undefined ? {} : { [name]: durationMs(text) };
}

/** Where the task runs, and in what surroundings; a task that no worker runs has what says nothing. */
function canonicalPlace(task: TaskSource): object {
  if (!('workerGroup' in task)) return { workerGroup: 'default', priority: 'medium', env: {} };
  const { workerGroup, priority, env, queueTimeout } = task;
  const use = typeof task.group === 'string' ? { name: task.group } : task.group;
  const group = use === undefined ? {} : { group: use };
  const queued = durationField('queueTimeoutMs', queueTimeout);
  const cache = task.cache === undefined ? {} : { cache: { ttlMs: durationMs(task.cache.ttl) } };
  return { workerGroup, priority, ...group, env, ...queued, ...cache, ...canonicalOnWorkerLost(task) };
}

type PlacedTaskSource = Extract<TaskSource, { workerGroup: unknown }>;

/** The default is left out, so that a definition that says nothing of it keeps its digest. */
function canonicalOnWorkerLost({ onWorkerLost, workerReturnLimit }: PlacedTaskSource): { onWorkerLost?: OnWorkerLost } {
  switch (onWorkerLost) {
    case 'retry':
      return {};
    case 'wait':
      return {
        onWorkerLost: { policy: 'wait', returnLimitMs: durationMs(workerReturnLimit ?? workerReturnLimitDefault) },
      };
    case 'fail':
    case 'ask':
      return { onWorkerLost: { policy: onWorkerLost } };
  }
}

/** The default is left out, as above. */
function canonicalOnOrphaned(task: TaskSource): { onOrphaned?: OnOrphaned } {
  if (!('onOrphaned' in task) || task.onOrphaned === undefined || task.onOrphaned === 'adopt') return {};
  if (typeof task.onOrphaned === 'string') return { onOrphaned: { policy: task.onOrphaned } };
  const { policy, followLimit, answerLimit } = task.onOrphaned;
  const limits = { ...durationField('followLimitMs', followLimit), ...durationField('answerLimitMs', answerLimit) };
  return { onOrphaned: { policy, ...limits } };
}

function canonicalRetry(retry: RetrySource): RetryPolicy {
  const { attempts, delay, backoff, delayMax, jitter } =
    typeof retry === 'number' ? { ...retryDefaults, attempts: retry } : { ...retry, delayMax: retry.delayMax };
  const delayMs = durationMs(delay);
  const delayMaxMs = typeof retry === 'number' || delayMax === undefined ? longerOf(delayMs) : durationMs(delayMax);
  return { attempts, delayMs, backoff, delayMaxMs, jitter };
}

function longerOf(delayMs: number): number {
  return Math.max(delayMs, durationMs(retryDefaults.delayMax));
}

function canonicalSettings(task: Exclude<TaskSource, MapTaskSource>): TaskSettings {
  switch (task.type) {
    case 'shell':
      return {
        type: 'shell',
        command: task.command,
        ...(task.template ? { template: true } : {}),
        graceMs: durationMs(task.grace),
        ...submissionOf(task),
      };
    case 'http':
      return canonicalHttp(task);
    case 'wait':
      return task.duration === undefined
        ? { type: 'wait', untilAt: Date.parse(task.until ?? '') }
        : { type: 'wait', durationMs: durationMs(task.duration) };
    case 'switch':
      return canonicalSwitch(task);
    case 'conditions':
      return canonicalConditions(task);
    case 'signal':
      return { type: 'signal', name: task.name };
    case 'approval':
      return { type: 'approval', ...(task.question === undefined ? {} : { question: task.question }) };
    case 'python':
      return canonicalPython(task);
    case 'sql':
      return canonicalSql(task);
    case 'nats':
      return canonicalNats(task);
    case 'spark':
      return canonicalSpark(task);
    case 'flink':
      return canonicalFlink(task);
    case 'mapreduce':
      return canonicalMapreduce(task);
    case 'yarn':
      return canonicalYarn(task);
    case 'k8s':
      return canonicalK8s(task);
    case 'plugin':
      return { type: 'plugin', plugin: task.plugin, settings: task.settings };
    case 'workflow':
      return canonicalWorkflowTask(task);
    case 'dependent':
      return canonicalDependent(task);
    case 'script':
      return {
        type: 'script',
        steps: task.steps.map(({ after, ...step }) => ({ ...step, afterMs: durationMs(after) })),
        ...(task.ledger === undefined ? {} : { ledger: task.ledger }),
      };
  }
}

function canonicalHttp(task: Extract<TaskSource, { type: 'http' }>): TaskSettings {
  const { method, url, body } = task;
  const isJson = body !== undefined && typeof body !== 'string';
  const hasType = Object.keys(task.headers).some((name) => name.toLowerCase() === 'content-type');
  const statuses = Array.isArray(task.expectStatus) ? task.expectStatus : [task.expectStatus];
  return {
    type: 'http',
    method,
    url,
    headers: isJson && !hasType ? { ...task.headers, 'content-type': 'application/json' } : task.headers,
    ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body }),
    expectStatus: statuses.map(String),
  };
}

function durationMs(text: string): number {
  const parsed = parseDurationMs(text);
  if (parsed === undefined) throw new Error(`expected a duration that the schema has passed, came "${text}"`);
  return parsed;
}
