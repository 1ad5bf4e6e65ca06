/** Credentials and certificates by reference: files that are read when they are needed, and never kept. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';
import type { ClusterPlace } from './cluster-session.ts';

type ConfiguredPlace = { addresses: readonly string[]; tokenFile?: string | undefined; caFile?: string | undefined };

/** @throws AppError BAD_CONFIGURATION when a file cannot be read */
export async function configuredPlace(cluster: string, place: ConfiguredPlace): Promise<ClusterPlace> {
  const [token, ca] = await Promise.all([
    readReferenced(cluster, 'tokenFile', place.tokenFile),
    readReferenced(cluster, 'caFile', place.caFile),
  ]);
  return { addresses: place.addresses, headers: bearer(token), tls: ca === undefined ? {} : { ca } };
}

export function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token.trim()}` };
}

/** @throws AppError BAD_CONFIGURATION */
export async function readReferenced(
  cluster: string,
  setting: string,
  path: string | undefined,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new AppError(
      'BAD_CONFIGURATION',
      `clusters.${cluster}.${setting}: expected a readable file, found ${path} (${why}).`,
      { cause },
    );
  }
}
