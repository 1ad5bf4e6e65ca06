/** How a person sees a run that a command waits for: a redrawn block on a terminal, a line for each event elsewhere. */
import type { InstanceId } from '../../schemas/ids.ts';
import type { EventView } from '../../schemas/messages/client.messages.ts';
import type { AppError } from '../errors/app-error.ts';
import { createCliColors } from './output/colors.ts';
import { createEventLines } from './output/event-line.ts';
import { createLiveBlock } from './output/live-block.ts';
import { progressBlock } from './output/progress-block.ts';
import { applyEvent, createRunProgress, type RunProgress } from './output/run-progress.ts';
import type { Session } from './session.ts';

export type RunWatch = {
  /** What the events seen so far add up to. */
  progress: RunProgress;
  onEvent(event: EventView): void;
  onTrouble(fault: AppError): void;
  /** Leaves the last state standing. Idempotent. */
  finish(): void;
};

export type WatchedRun = { instance: InstanceId; workflow: string };

const lastEventsShown = 5;

/** With `--json` only the progress is kept: the result is one document at the end. */
export function createRunWatch(session: Session, run: WatchedRun): RunWatch {
  const progress = createRunProgress();
  const onTrouble = (fault: AppError): void => session.screen.note(`waiting: ${fault.message}`);
  if (session.json) {
    return { progress, onEvent: (event) => applyEvent(progress, event), onTrouble, finish: () => undefined };
  }
  const view = session.screen.isTty ? liveView(session, run, progress) : lineView(session);
  const onEvent = (event: EventView): void => {
    applyEvent(progress, event);
    view.onEvent(event);
  };
  return { progress, onEvent, onTrouble: view.onTrouble ?? onTrouble, finish: view.finish };
}

type View = { onEvent(event: EventView): void; onTrouble?: (fault: AppError) => void; finish(): void };

function lineView({ screen }: Session): View {
  const eventLine = createEventLines(screen.colors);
  return { onEvent: (event) => screen.print(eventLine(event)), finish: () => undefined };
}

function liveView(session: Session, run: WatchedRun, progress: RunProgress): View {
  const { screen, clock } = session;
  const { colors } = screen;
  // The block paints whole lines, and cuts them to the width.
  const eventLine = createEventLines(createCliColors({ isTty: false, noColor: undefined }));
  const lastEvents: string[] = [];
  let taskCount: number | undefined;
  let trouble: string | undefined;
  const lines = (): string[] => {
    const shown = trouble === undefined ? lastEvents : [...lastEvents, `waiting: ${trouble}`];
    return progressBlock(progress, {
      ...run,
      colors,
      now: clock.now(),
      columns: screen.columns(),
      taskCount,
      lastEvents: shown,
    });
  };
  const block = createLiveBlock({ write: screen.write, clock, rows: screen.rows(), lines });
  block.changed();
  // Only the bar needs the number of tasks: it is not waited for, and without an answer there is no bar.
  void session.client.run(run.instance).then(
    (reply) => {
      taskCount = reply.tasks.length;
      block.changed();
    },
    () => undefined,
  );
  return {
    onEvent: (event) => {
      trouble = undefined;
      lastEvents.push(eventLine(event));
      if (lastEvents.length > lastEventsShown) lastEvents.shift();
      block.changed();
    },
    onTrouble: (fault) => {
      trouble = fault.message;
      block.changed();
    },
    finish: block.finish,
  };
}
