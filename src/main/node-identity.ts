/** Names of processes: the configured one, else one made of the host's name. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from '../../schemas/config.schema.ts';
import { type Incarnation, incarnationSchema } from '../../schemas/ids.ts';
import { systemIds } from '../clock/system-clock.adapter.ts';
import { AppError } from '../errors/app-error.ts';
import type { Transport } from '../transport/transport.port.ts';

/** How other machines reach this one. */
export function hostOf(config: Config): string {
  return config.host ?? hostname();
}

/** `<host name>-1`, in the letters that ids may have. */
export function defaultNodeId(): string {
  const letters = hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^[-_]+/, '');
  return `${letters.slice(0, 60) || 'node'}-1`;
}

export function newIncarnation(): Incarnation {
  return incarnationSchema.parse(systemIds.uuid());
}

/** Folder of one process, absolute. */
export function folderOf(config: Config, kind: 'masters' | 'workers', id: string): string {
  return resolve(config.dataDir, kind, id);
}

const pingTimeoutMs = 1_000;

/** Two living processes of one id would fight for ever: the second one does not start. */
export async function refuseDouble(transport: Transport, pingSubject: string, what: string): Promise<void> {
  const result = await transport.request(pingSubject, {}, { timeoutMs: pingTimeoutMs });
  if (result.kind !== 'answer') return;
  throw new AppError('BAD_CONFIGURATION', `a ${what} is running already; give this one another id with --id`);
}
