/**
 * `script`: does what its steps say, for tests and examples. Attempt n takes step n; the last step repeats. A step that
 * is due at once and keeps no ledger ends inside `start`: the cheapest attempt there is.
 */
import { appendFileSync } from 'node:fs';
import type { ScriptSettings, ScriptStep } from '../../../schemas/definition/task-settings.ts';
import type { Offer } from '../../../schemas/messages/attempt.messages.ts';
import type { Timer } from '../../clock/clock.port.ts';
import { AppError } from '../../errors/app-error.ts';
import { settingsOf } from '../settings-of.ts';
import type { AttemptContext, RunningAttempt, TaskType } from '../task-type.port.ts';

/** `crashWorker` must end the worker's process as hard as SIGKILL does. */
export function createScriptTaskType(options: { crashWorker: () => void }): TaskType {
  return {
    type: 'script',
    hasOutsideEffects: (offer) => {
      const settings = settingsOf(offer, 'script');
      return settings.ledger !== undefined || stepOf(settings, offer).result === 'crashWorker';
    },
    start: (context) => start(context, options.crashWorker),
  };
}

const endedAlready: RunningAttempt = { cancel: () => {} };

function start(context: AttemptContext, crashWorker: () => void): RunningAttempt {
  const settings = settingsOf(context.offer, 'script');
  const step = stepOf(settings, context.offer);
  if (settings.ledger !== undefined) appendFileSync(settings.ledger, ledgerLine(context));
  if (step.afterMs === 0) {
    end(context, step, crashWorker);
    return endedAlready;
  }
  const timer: Timer = context.clock.after(step.afterMs, () => end(context, step, crashWorker));
  return {
    cancel: () => {
      timer.cancel();
      context.ended({ kind: 'cancelled' });
    },
  };
}

function end(context: AttemptContext, step: ScriptStep, crashWorker: () => void): void {
  switch (step.result) {
    case 'succeed':
      context.ended({ kind: 'succeeded', outputs: step.outputs });
      break;
    case 'fail': {
      const message = step.message ?? `attempt ${context.offer.attempt} fails because its script says so`;
      context.ended({ kind: 'failed', fault: { code: 'TASK_SCRIPTED_FAILURE', message } });
      break;
    }
    case 'crashWorker':
      crashWorker();
      break;
  }
}

function stepOf(settings: ScriptSettings, offer: Offer): ScriptStep {
  const step = settings.steps[offer.attempt - 1] ?? settings.steps.at(-1);
  if (step === undefined) throw new AppError('INTERNAL', 'a script has at least one step, found none');
  return step;
}

/** One line, hence one `write` with O_APPEND: lines of several workers do not mix. */
function ledgerLine(context: AttemptContext): string {
  const { instance, task, attempt, attemptId } = context.offer;
  const startedAt = new Date(context.clock.now()).toISOString();
  return `${startedAt} ${instance} ${task} ${attempt} ${attemptId} ${context.worker}\n`;
}
