/** The embedded event store as a process of its own. */
import { resolve } from 'node:path';
import { type EventStoreNode, startEventStoreNode } from '../../infra/eventstore/event-store-node.ts';
import type { StoreOptions } from '../cli/cli-deps.ts';
import { AppError } from '../errors/app-error.ts';
import { createPinoLog } from '../telemetry/pino-log.adapter.ts';
import { endWithParent, tellReady, whenToldToStop } from './process-end.ts';

const stopDeadlineMs = 5_000;

export async function runStore({ config, json, port }: StoreOptions): Promise<number> {
  endWithParent();
  const log = createPinoLog({ level: config.logLevel, pretty: process.stderr.isTTY === true });
  const dataDir = resolve(config.dataDir, 'store');
  const node = await start(dataDir, port ?? 0, log);
  const { connectionString } = node;
  log.info({ connectionString, dataDir }, 'event store started');
  if (json) process.stdout.write(`${JSON.stringify({ ready: true, connectionString, port: node.port })}\n`);
  tellReady({ connectionString });
  await whenToldToStop();
  await node.stop(stopDeadlineMs);
  return 0;
}

async function start(dataDir: string, port: number, log: ReturnType<typeof createPinoLog>): Promise<EventStoreNode> {
  try {
    return await startEventStoreNode({
      dataDir,
      port,
      onLog: ({ level, message, fields }) => log[level]({ ...fields }, message),
    });
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new AppError(code === 'EVENT_STORE_FOLDER_IN_USE' ? 'STORE_LOCKED' : 'JOURNAL_UNAVAILABLE', message, {
      cause,
    });
  }
}
