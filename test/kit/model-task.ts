/** One task of the plain model (`language-model.ts`): how it goes through its attempts. */
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';

type OfAttempt = 'placed' | 'rejected' | 'accepted' | 'started' | 'succeeded' | 'failed' | 'cancelled' | 'timedOut';
type OfAbsence = 'lost' | 'missed' | 'returned' | 'returnDue' | 'letRunAgain' | 'letFail';
/** `failedForGood`: whatever the retry policy says. */
type OfMaster = 'delayOver' | 'retryDue' | 'failedForGood' | 'childStopped';
/** What may happen to one task in the world, apart from what people ask of it. */
export type OfTask = OfAttempt | OfAbsence | OfMaster;

/** `idle`: what follows from its needs. `ready` is kept: it stays so whatever becomes of them. */
type Phase =
  | 'idle'
  | 'ready'
  | 'delayed'
  | 'placed'
  | 'accepted'
  | 'started'
  | 'awaiting'
  | 'expanded'
  | 'backingOff'
  | End;
export type End = 'succeeded' | 'failed' | 'stopped' | 'skipped';
export type BadEnd = 'failed' | 'stopped';

export type ModelTask = {
  readonly definition: TaskDefinition;
  isLeftOut: boolean;
  phase: Phase;
  isDelayOver: boolean;
  /** It was begun since it last began to wait, and that is not forgotten. */
  hasTried: boolean;
  isKilled: boolean;
  failureCount: number;
  lossCount: number;
  isAbsent: boolean;
  cancelledFor: 'stop' | 'timeout' | undefined;
  chosen: readonly string[] | undefined;
  /** Of a map, since it was expanded. */
  items: ModelTask[] | undefined;
  /** Of a map: items that had ended badly when it was expanded last. */
  failedBefore: number;
  /** Of an item. */
  map?: ModelTask;
};

const untouched = {
  phase: 'idle',
  isDelayOver: false,
  hasTried: false,
  isKilled: false,
  failureCount: 0,
  lossCount: 0,
  isAbsent: false,
  cancelledFor: undefined,
  chosen: undefined,
} as const;

export function newTask(definition: TaskDefinition, isLeftOut: boolean): ModelTask {
  return { definition, isLeftOut, items: undefined, failedBefore: 0, ...untouched };
}

export function startAnew(task: ModelTask): ModelTask {
  return Object.assign(task, untouched);
}

/** Somebody else works on it, and is to be told when it must end. */
export function isLive({ phase, definition }: ModelTask): boolean {
  if (phase === 'awaiting') return definition.settings.type === 'workflow';
  return phase === 'expanded' || phase === 'placed' || phase === 'accepted' || phase === 'started';
}

export function statusOfBegun(task: ModelTask): string {
  const { phase, isAbsent, cancelledFor } = task;
  if (isAbsent) return 'absent';
  if (cancelledFor !== undefined && isLive(task)) return 'cancelling';
  return { placed: 'assigned', started: 'running' }[phase as string] ?? phase;
}

/** Answers how the task ends badly and for good, if it does by this; the caller makes it so. */
export function happenTo(task: ModelTask, kind: OfTask, lossesMax: number): BadEnd | undefined {
  switch (kind) {
    case 'accepted':
      // Of an absent worker only what is news counts: that it has accepted is none.
      if (!task.isAbsent) task.phase = kind;
      return undefined;
    case 'placed':
      Object.assign(task, { phase: kind, hasTried: task.failureCount + task.lossCount > 0 });
      return undefined;
    case 'started':
    case 'succeeded':
      Object.assign(
        task,
        { phase: kind, isAbsent: false, hasTried: true },
        kind === 'succeeded' ? { cancelledFor: undefined } : {},
      );
      return undefined;
    case 'delayOver':
      Object.assign(task, { phase: 'ready', isDelayOver: true });
      return undefined;
    case 'retryDue':
      task.phase = 'ready';
      return undefined;
    case 'returned':
      task.isAbsent = false;
      if (task.phase === 'placed') task.phase = 'accepted';
      return undefined;
    case 'rejected':
      return giveBack(task);
    case 'timedOut':
      task.cancelledFor = 'timeout';
      return undefined;
    case 'failed':
      return fail(task);
    case 'failedForGood':
      return 'failed';
    case 'lost':
    case 'missed':
      return lose(task, kind, lossesMax);
    case 'returnDue':
      return loseForGood(task, lossesMax);
    case 'letRunAgain':
    case 'letFail':
      Object.assign(task, { isAbsent: false, cancelledFor: undefined, hasTried: true, lossCount: 0, phase: 'ready' });
      return kind === 'letFail' ? 'failed' : undefined;
    case 'childStopped':
      return task.cancelledFor === 'stop' ? 'stopped' : fail(task);
    case 'cancelled':
      task.hasTried = true;
      if (task.cancelledFor === 'stop') return 'stopped';
      return task.cancelledFor === 'timeout' ? fail(task) : lose(task, 'lost', lossesMax);
  }
}

/** Its attempt is over without a result: it begins anew, unless it was to be stopped. */
function giveBack(task: ModelTask): BadEnd | undefined {
  const isStopped = task.cancelledFor === 'stop';
  Object.assign(task, { isAbsent: false, cancelledFor: undefined, phase: 'ready' });
  return isStopped ? 'stopped' : undefined;
}

function fail(task: ModelTask): BadEnd | undefined {
  const isStopped = task.cancelledFor === 'stop';
  const failureCount = task.failureCount + 1;
  Object.assign(task, { failureCount, isAbsent: false, cancelledFor: undefined, hasTried: true });
  if (isStopped || failureCount >= task.definition.retry.attempts) return 'failed';
  task.phase = 'backingOff';
  return undefined;
}

function lose(task: ModelTask, how: 'lost' | 'missed', lossesMax: number): BadEnd | undefined {
  const policy = task.cancelledFor === 'stop' ? 'retry' : (task.definition.onWorkerLost?.policy ?? 'retry');
  if (policy === 'fail') return 'failed';
  if (policy !== 'ask' && (policy !== 'wait' || how !== 'missed')) return loseForGood(task, lossesMax);
  task.isAbsent = true;
  return undefined;
}

function loseForGood(task: ModelTask, lossesMax: number): BadEnd | undefined {
  Object.assign(task, { lossCount: task.lossCount + 1, hasTried: true });
  return task.lossCount > lossesMax ? 'failed' : giveBack(task);
}
