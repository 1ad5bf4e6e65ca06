/** Asks a cluster for an application until it has ended, or the cluster does not know it any more. */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { Clock } from '../clock/clock.port.ts';
import { AppError } from '../errors/app-error.ts';
import type { ClusterClient } from './cluster-client.port.ts';
import { pause } from './pause.ts';

/** Between one look and the next. */
export const lookIntervalMs = 1_000;

export type Following = {
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Called once each time that the cluster begins not to answer; it is asked again. */
  onAway?: ((fault: AppError) => void) | undefined;
  /** Called, and waited for, each time that it was seen and had not ended. */
  onSeen?: (() => void | Promise<void>) | undefined;
};

/** @throws AppError CLUSTER_REFUSED or CLUSTER_ANSWER_INVALID, or what the signal was given up with */
export async function followApplication(
  cluster: Pick<ClusterClient, 'find'>,
  id: string,
  { clock, signal, onAway, onSeen }: Following,
): Promise<Application> {
  let isAway = false;
  for (;;) {
    const answer = await findOrFault(cluster, id, signal);
    if (answer instanceof AppError) {
      if (!isAway) onAway?.(answer);
    } else if (answer.hasEnded || answer.state === 'unknown') return answer;
    else await onSeen?.();
    isAway = answer instanceof AppError;
    await pause(clock, lookIntervalMs, signal);
  }
}

/** The fault is that of a cluster that cannot be asked. */
async function findOrFault(
  cluster: Pick<ClusterClient, 'find'>,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Application | AppError> {
  try {
    return await cluster.find(id, signal);
  } catch (fault) {
    if (fault instanceof AppError && fault.code === 'CLUSTER_UNREACHABLE') return fault;
    throw fault;
  }
}
