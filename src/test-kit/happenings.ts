/** What happens to a run in a test, in the order in which the test says it. */
import { z } from 'zod';
import type { Rejection } from '../../actors/kit/decider.ts';
import { commandOf } from '../../actors/workflow-instance/client-command.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import { commandRequestSchema } from '../../schemas/messages/command.messages.ts';
import { AppError } from '../errors/app-error.ts';
import type { VirtualWorker } from '../virtual/virtual-workers.ts';
import { type EventPattern, fits, patternText } from './event-patterns.ts';
import type { PlayedRun } from './played-run.ts';
import { type Duration, durationMs } from './scenario.ts';

export type Happening = {
  readonly text: string;
  /** After it the run stands as it is; after every other one it goes on by itself. */
  readonly isStop: boolean;
  /**
   * @param from how many events there were before
   * @returns the refusal of a command
   */
  happen(run: PlayedRun, from: number): Rejection | undefined;
};

type BodyOf<R> = R extends { type: string } ? Omit<R, 'instance' | 'key' | 'by' | 'reason'> : never;

/** As people send it, but for the instance. */
export type Command = BodyOf<z.input<typeof commandRequestSchema>> & Asker;

/** Who asks: a key makes a command that is repeated harmless. */
export type Asker = { readonly by?: string; readonly reason?: string; readonly key?: string };

/** A command of people, as `millrace.v1.command` takes it, but for the instance. */
export function asking(body: Command): Happening {
  return {
    text: `${body.type} is asked for`,
    isStop: false,
    happen: (run) => {
      const { by = 'a test' } = body;
      const parsed = commandRequestSchema.safeParse({ ...body, by, instance: run.instance });
      if (!parsed.success) throw new AppError('BAD_REQUEST', `${body.type}: ${z.prettifyError(parsed.error)}`);
      const request = parsed.data;
      if (request.type === 'moveVersion') {
        throw new AppError('BAD_REQUEST', 'moveVersion: a test has one version of its workflow');
      }
      const key = request.key ?? `${request.type} ${run.recorded.length}`;
      return run.ask(commandOf(request, { key, now: run.time.now() }));
    },
  };
}

/** So much time passes; what is due in it happens. */
export function passing(duration: Duration): Happening {
  const forMs = durationMs(duration);
  return {
    text: `${duration} pass`,
    isStop: true,
    happen: (run) => {
      run.time.passTo(run.time.now() + forMs);
      return undefined;
    },
  };
}

/** Until there is such an event that was not there before. */
export function reaching(pattern: EventPattern): Happening {
  const text = `until ${patternText(pattern)}`;
  return {
    text,
    isStop: true,
    happen: (run, from) => {
      for (let seen = from; ; ) {
        for (; seen < run.recorded.length; seen += 1) {
          // Reason for the cast: they were decided here.
          if (fits(pattern, run.recorded[seen] as unknown as WorkflowInstanceEvent)) return undefined;
        }
        if (!run.time.isOpen || !run.time.step()) {
          throw new AppError('BAD_REQUEST', `${text}: nothing more happens, and no such event came`);
        }
      }
    },
  };
}

export const masterDying: Happening = {
  text: 'the master dies',
  isStop: false,
  happen: (run) => {
    run.masterDies();
    return undefined;
  },
};

export function workerLeaving(worker: string): Happening {
  return {
    text: `${worker} leaves`,
    isStop: false,
    happen: (run) => {
      run.workerLeaves(worker);
      return undefined;
    },
  };
}

export function workerJoining(worker: string, set: VirtualWorker): Happening {
  return {
    text: `${worker} joins`,
    isStop: false,
    happen: (run) => {
      run.workerJoins(worker, set);
      return undefined;
    },
  };
}
