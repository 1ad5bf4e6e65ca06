/** What is known of the world from a recorded run: how each attempt went, when answers came, what people asked. */
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId } from '../../schemas/ids.ts';
import { askedCommand } from './command-of-event.ts';
import type { ReplayedRun } from './replayed-run.ts';
import type { Recording } from './what-if-recordings.ts';

type EventOf<T extends WorkflowInstanceEvent['type']> = Extract<WorkflowInstanceEvent, { type: T }>;
type Begun = EventOf<'TaskAwaits'>['data'] & { revision: number };
export type AttemptReportEvent = EventOf<
  | 'TaskAccepted'
  | 'TaskStarted'
  | 'TaskSucceeded'
  | 'TaskFailed'
  | 'TaskStopped'
  | 'TaskLost'
  | 'TaskRejected'
  | 'TaskWorkerAbsent'
  | 'TaskWorkerReturned'
>;

/** One attempt as it was recorded: what was told of it, each so long after it was assigned. */
export type RecordedAttempt = Recording & {
  place: EventOf<'TaskAssigned'>['data'];
  assignedAt: number;
  /** How long the task had been ready before. */
  waitedMs: number;
  reports: { afterMs: number; event: AttemptReportEvent }[];
};

export type RecordedAnswer = Recording & {
  since: number;
  conclusion: EventOf<'TaskConcluded'>['data'];
  afterMs: number;
};

export type RecordedWorld = {
  attempts: RecordedAttempt[];
  answers: RecordedAnswer[];
  /** Losses of one task after which it failed, as far as the run tells. */
  lossesMax: number;
  /** Of people, by the time at which they asked. */
  commands: { atMs: number; revision: number; command: WorkflowInstanceCommand }[];
};

const reportTypes: readonly string[] = [
  'TaskAccepted',
  'TaskStarted',
  'TaskSucceeded',
  'TaskFailed',
  'TaskStopped',
  'TaskLost',
  'TaskRejected',
  'TaskWorkerAbsent',
  'TaskWorkerReturned',
] satisfies AttemptReportEvent['type'][];

const noCeiling = Number.MAX_SAFE_INTEGER;

function ceilingOf({ givenUp, reason }: EventOf<'TaskLost'>['data']): number | undefined {
  const [, count] = /^lost (\d+) times; last: /.exec(reason.message) ?? [];
  return givenUp && count !== undefined ? Number(count) - 1 : undefined;
}

const isReport = (event: WorkflowInstanceEvent): event is AttemptReportEvent => reportTypes.includes(event.type);

export function worldOf(run: ReplayedRun): RecordedWorld {
  const attempts = new Map<AttemptId, RecordedAttempt>();
  const begun = new Map<AttemptId, Begun>();
  const world: RecordedWorld = { attempts: [], answers: [], lossesMax: noCeiling, commands: [] };
  for (let revision = 0; revision <= run.lastRevision; revision += 1) {
    const event = run.event(revision);
    const atMs = run.timeOf(revision);
    if (event.type === 'TaskAssigned') attempts.set(event.data.attemptId, attemptOf(run, revision, event.data));
    else if (isReport(event)) {
      const attempt = attempts.get(event.data.attemptId);
      attempt?.reports.push({ afterMs: atMs - attempt.assignedAt, event });
    } else if (event.type === 'TaskAwaits') begun.set(event.data.attemptId, { ...event.data, revision });
    else if (event.type === 'TaskConcluded') noteAnswer(world, begun.get(event.data.attemptId), event.data);
    if (event.type === 'TaskLost') world.lossesMax = ceilingOf(event.data) ?? world.lossesMax;
    const command = askedCommand(event, atMs);
    if (command !== undefined) world.commands.push({ atMs, revision, command });
  }
  world.attempts = [...attempts.values()];
  return world;
}

function attemptOf(run: ReplayedRun, revision: number, place: EventOf<'TaskAssigned'>['data']): RecordedAttempt {
  const { task, attempt, attemptId } = place;
  const assignedAt = run.timeOf(revision);
  const ready = run.statuses.latest(task, revision - 1);
  const waitedMs = ready === undefined ? 0 : assignedAt - run.timeOf(ready.revision);
  return { task, attempt, attemptId, revision, place, assignedAt, waitedMs, reports: [] };
}

/** What a person approved or a signal brought comes again with its command. */
function noteAnswer(world: RecordedWorld, awaited: Begun | undefined, conclusion: RecordedAnswer['conclusion']): void {
  if (awaited === undefined || awaited.awaits.kind === 'signal' || conclusion.fault?.code === 'AWAIT_TIMED_OUT') return;
  const { task, attempt, attemptId, since, revision } = awaited;
  world.answers.push({ task, attempt, attemptId, revision, since, conclusion, afterMs: conclusion.finishedAt - since });
}
