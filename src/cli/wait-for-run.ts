/** `--wait`: follows a run to its end, shows it meanwhile, and says how it ended. */
import { AppError } from '../errors/app-error.ts';
import { CommandEnd } from './command-end.ts';
import { type EndedStatus, exitCodes } from './exit-codes.ts';
import { followEvents } from './follow-events.ts';
import { paintStatus } from './output/colors.ts';
import { oneLine } from './output/plain-text.ts';
import type { RunProgress } from './output/run-progress.ts';
import { shortDuration } from './output/short-time.ts';
import { createRunWatch, type WatchedRun } from './run-watch.ts';
import type { Session } from './session.ts';

/** Rejects with REQUEST_TIMEOUT when the run goes on longer, and with the reason of an interruption. */
export async function waitForRun(
  session: Session,
  run: WatchedRun & { timeoutMs: number | undefined },
): Promise<EndedStatus> {
  const deadline = startDeadline(session, run);
  const watch = createRunWatch(session, run);
  try {
    const status = await followEvents({
      transport: session.transport,
      client: session.client,
      clock: session.clock,
      instance: run.instance,
      signal: AbortSignal.any([session.signal, deadline.signal]),
      onEvent: watch.onEvent,
      onTrouble: watch.onTrouble,
    });
    watch.finish();
    if (!session.json)
      for (const line of endLines(session, watch.progress, { ...run, status })) session.screen.print(line);
    return status;
  } catch (fault) {
    watch.finish();
    throw withNextStep(fault, run);
  } finally {
    deadline.cancel();
  }
}

function startDeadline(session: Session, run: WatchedRun & { timeoutMs: number | undefined }) {
  const controller = new AbortController();
  const { timeoutMs } = run;
  if (timeoutMs === undefined) return { signal: controller.signal, cancel: () => undefined };
  const timer = session.clock.after(timeoutMs, () => {
    const sentence = `The run ${run.instance} has not ended within ${shortDuration(timeoutMs)}; it goes on.`;
    controller.abort(new AppError('REQUEST_TIMEOUT', sentence, { details: { instance: run.instance } }));
  });
  return { signal: controller.signal, cancel: () => timer.cancel() };
}

/** Whoever stops waiting should know that the run does not stop with it. */
function withNextStep(fault: unknown, run: WatchedRun): unknown {
  if (!(fault instanceof CommandEnd) || fault.exitCode !== exitCodes.interrupted) return fault;
  return new CommandEnd(
    fault.exitCode,
    `The run goes on. See it with "millrace show ${run.instance}", end it with "millrace stop ${run.instance}".`,
  );
}

function endLines(session: Session, progress: RunProgress, run: WatchedRun & { status: EndedStatus }): string[] {
  const { colors } = session.screen;
  const took =
    progress.submittedAt === undefined || progress.finishedAt === undefined
      ? ''
      : ` after ${shortDuration(progress.finishedAt - progress.submittedAt)}`;
  const first = `${run.workflow} ${run.instance} ${paintStatus(colors, run.status)(run.status)}${took}`;
  const failure = run.status === 'failed' ? progress.firstFailure : undefined;
  return failure === undefined ? [first] : [first, `  ${oneLine(failure)}`];
}
