/** Answers one page of an attempt's output; with `waitMs`, waits for more output, the end, or the time to be over. */
import type { ErrorReply } from '../../schemas/errors.ts';
import type { LogsReply, WorkerLogsQuery } from '../../schemas/messages/client.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { AttemptPaths } from './attempt-paths.ts';
import type { AttemptTable } from './attempt-table.ts';
import type { Ledger } from './ledger.port.ts';
import { readLogPage } from './log-page.ts';

const waitingCountMax = 1_000;

export type LogsContext = {
  attempts: AttemptTable;
  ledger: Ledger;
  paths: AttemptPaths;
  clock: Clock;
};

type LogSource = { path: string; live: AttemptLog | undefined };

export class LogReader {
  private readonly context: LogsContext;
  private waitingCount = 0;

  constructor(context: LogsContext) {
    this.context = context;
  }

  async read(query: WorkerLogsQuery): Promise<LogsReply | { error: ErrorReply }> {
    const source = this.sourceOf(query);
    if (source === undefined) return { error: notFound(query) };
    const deadline = this.context.clock.now() + query.waitMs;
    for (;;) {
      const sizeBefore = source.live?.sizeBytes();
      const reply = await pageOf(query, source);
      const remainingMs = deadline - this.context.clock.now();
      if (reply.text !== '' || reply.end || source.live === undefined || remainingMs <= 0) return reply;
      const hasChanged = source.live.hasEnded() || source.live.sizeBytes() !== sizeBefore;
      if (hasChanged) continue; // While the page was being read.
      if (this.waitingCount >= waitingCountMax) return reply;
      await this.more(source.live, remainingMs);
    }
  }

  private sourceOf({ instance, attemptId }: WorkerLogsQuery): LogSource | undefined {
    const record = this.context.attempts.find(attemptId);
    if (record?.instance.id === instance) {
      const log = this.context.attempts.logOf(record);
      return { path: log.path, live: record.state === 'ended' ? undefined : log };
    }
    const row = this.context.ledger.findAttempt(attemptId);
    if (row?.task === undefined || row.instance !== instance) return undefined;
    return { path: this.context.paths.logOf({ instance, task: row.task, attemptId }), live: undefined };
  }

  private more(live: AttemptLog, timeoutMs: number): Promise<void> {
    this.waitingCount += 1;
    return new Promise((resolve) => {
      const done = (): void => {
        this.waitingCount -= 1;
        timer.cancel();
        giveUp();
        resolve();
      };
      const giveUp = live.onMore(done);
      const timer = this.context.clock.after(timeoutMs, done);
    });
  }
}

async function pageOf(query: WorkerLogsQuery, { path, live }: LogSource): Promise<LogsReply> {
  const { attemptId, offset, limitBytes } = query;
  const hasEnded = live === undefined || live.hasEnded();
  const page = await readLogPage({ path, offset, limitBytes, hasEnded });
  return { attemptId, text: page.text, nextOffset: page.nextOffset, end: hasEnded && page.isAtEndOfFile };
}

function notFound({ attemptId }: WorkerLogsQuery): ErrorReply {
  return { code: 'LOG_NOT_FOUND', message: `this worker does not know the attempt ${attemptId}; it may be too old` };
}
