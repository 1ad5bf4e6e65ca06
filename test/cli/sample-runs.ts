/** Runs for the fake master: a small workflow with two tasks, in several states. */
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { instanceIdSchema } from '../../schemas/ids.ts';
import {
  type EventView,
  eventViewSchema,
  type RunStatus,
  runReplySchema,
} from '../../schemas/messages/client.messages.ts';
import { type Member, memberSchema } from '../../schemas/messages/membership.messages.ts';
import type { FakeRun } from './fake-master.ts';

export const startedAt = 1_700_000_000_000;
export const runId = instanceIdSchema.parse('0193a4c2-1111-7aaa-8aaa-00000000beef');
export const attemptA = '0193a4c2-aaaa-7aaa-8aaa-00000000000a';
const attemptB = '0193a4c2-bbbb-7bbb-8bbb-00000000000b';
const incarnation = '0193a4c2-cccc-7ccc-8ccc-00000000000c';

const whyWorker = { balancer: 'leastBusyOfTwo', candidates: [], candidateCount: 3 };

/** A run from start to end; its parts are what a test publishes or lets a query answer. */
export function successfulEvents(): EventView[] {
  return eventsFrom([
    submitted(),
    owned(),
    assigned('build', attemptA),
    started('build', attemptA, 300),
    {
      type: 'TaskSucceeded',
      data: {
        task: 'build',
        attemptId: attemptA,
        startedAt: startedAt + 300,
        finishedAt: startedAt + 1_500,
        outputs: {},
      },
    },
    assigned('test', attemptB),
    {
      type: 'TaskSucceeded',
      data: {
        task: 'test',
        attemptId: attemptB,
        startedAt: startedAt + 1_600,
        finishedAt: startedAt + 3_000,
        outputs: {},
      },
    },
    { type: 'WorkflowSucceeded', data: { finishedAt: startedAt + 3_200 } },
  ] as WorkflowInstanceEvent[]);
}

export function failedEvents(): EventView[] {
  const fault = { code: 'TASK_EXIT_NONZERO', message: 'the command ended with exit code 3' };
  return eventsFrom([
    submitted(),
    owned(),
    {
      type: 'TaskHeld',
      data: { task: 'build', reason: { code: 'NO_FREE_SLOT', message: 'all slots are taken', group: 'default' } },
    },
    assigned('build', attemptA),
    {
      type: 'TaskFailed',
      data: {
        task: 'build',
        attemptId: attemptA,
        finishedAt: startedAt + 900,
        fault,
        retry: { delayMs: 1_000, dueAt: startedAt + 1_900 },
      },
    },
    { type: 'TaskRetryDue', data: { task: 'build' } },
    assigned('build', attemptB),
    { type: 'TaskFailed', data: { task: 'build', attemptId: attemptB, finishedAt: startedAt + 2_500, fault } },
    { type: 'WorkflowFailed', data: { finishedAt: startedAt + 2_600, failedTasks: ['build'], failedCount: 1 } },
  ] as WorkflowInstanceEvent[]);
}

export function stoppedEvents(): EventView[] {
  return eventsFrom([
    submitted(),
    owned(),
    assigned('build', attemptA),
    { type: 'WorkflowStopRequested', data: { key: 'k', by: 'command line', reason: 'wrong input' } },
    { type: 'TaskStopped', data: { task: 'build', attemptId: attemptA, finishedAt: startedAt + 900 } },
    { type: 'WorkflowStopped', data: { finishedAt: startedAt + 1_000, by: 'command line' } },
  ] as WorkflowInstanceEvent[]);
}

export function sampleRun(status: RunStatus, events: readonly EventView[], instance: string = runId): FakeRun {
  const isOver = status !== 'running' && status !== 'stopping';
  const reply = runReplySchema.parse({
    run: {
      instance,
      workflow: 'deploy',
      version: 2,
      key: 'release-42',
      status,
      submittedAt: startedAt,
      ...(isOver ? { finishedAt: startedAt + 3_200 } : {}),
    },
    owner: { master: 'm-1', host: 'host-a', epoch: 1 },
    revision: events.length - 1,
    params: { target: 'staging' },
    counts: { waiting: 1, running: 1, failed: 0 },
    tasks: [
      {
        task: 'build',
        status: 'running',
        needs: [],
        attempts: 1,
        attemptId: attemptA,
        worker: 'w-1',
        startedAt: startedAt + 300,
      },
      { task: 'test', status: 'waiting', needs: ['build'], attempts: 0, note: 'needs build' },
    ],
  });
  return { ...reply, events: [...events] };
}

export function sampleMembers(): Member[] {
  const common = { incarnation, host: 'host-a', startedAt: startedAt - 3_600_000, load: { cpu: 0.25, memory: 0.5 } };
  return [
    {
      ...common,
      kind: 'worker',
      id: 'w-2',
      pid: 12,
      state: 'draining',
      groups: ['default', 'gpu'],
      slots: 16,
      runningCount: 0,
      runningByMaster: {},
    },
    { ...common, kind: 'master', id: 'm-1', pid: 10, state: 'active', actorCount: 3 },
    {
      ...common,
      kind: 'worker',
      id: 'w-1',
      pid: 11,
      state: 'active',
      groups: ['default'],
      slots: 16,
      runningCount: 5,
      runningByMaster: {},
    },
  ].map((member) => memberSchema.parse(member));
}

function eventsFrom(events: readonly WorkflowInstanceEvent[]): EventView[] {
  return events.map((event, revision) =>
    eventViewSchema.parse({
      revision,
      id: `event-${revision}`,
      type: event.type,
      data: event.data,
      metadata: { decidedAt: startedAt + revision * 200 },
    }),
  );
}

function submitted() {
  const definition = { name: 'deploy', version: 2, digest: 'a'.repeat(64) };
  return { type: 'WorkflowSubmitted', data: { definition, key: 'release-42', params: {}, submittedAt: startedAt } };
}

function owned() {
  const data = { epoch: 1, master: 'm-1', incarnation, host: 'host-a', claimRevision: 7, reason: 'created' };
  return { type: 'OwnershipTaken', data };
}

function assigned(task: string, attemptId: string) {
  const data = {
    task,
    attemptId,
    attempt: attemptId === attemptA ? 1 : 2,
    worker: 'w-1',
    workerIncarnation: incarnation,
    why: whyWorker,
  };
  return { type: 'TaskAssigned', data };
}

function started(task: string, attemptId: string, afterMs: number) {
  return { type: 'TaskStarted', data: { task, attemptId, startedAt: startedAt + afterMs } };
}
