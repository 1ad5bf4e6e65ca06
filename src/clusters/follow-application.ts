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
  /** Called when the cluster cannot be asked; it is asked again. */
  onAway?: ((fault: AppError) => void) | undefined;
  /** Called when it was seen, and has not ended. */
  onSeen?: (() => void) | undefined;
};

/** @throws AppError CLUSTER_REFUSED or CLUSTER_ANSWER_INVALID, or what the signal was given up with */
export async function followApplication(
  cluster: Pick<ClusterClient, 'find'>,
  id: string,
  { clock, signal, onAway, onSeen }: Following,
): Promise<Application> {
  for (;;) {
    const application = await findOrWait(cluster, id, { signal, onAway });
    if (application !== undefined && (application.hasEnded || application.state === 'unknown')) return application;
    if (application !== undefined) onSeen?.();
    await pause(clock, lookIntervalMs, signal);
  }
}

async function findOrWait(
  cluster: Pick<ClusterClient, 'find'>,
  id: string,
  { signal, onAway }: Pick<Following, 'signal' | 'onAway'>,
): Promise<Application | undefined> {
  try {
    return await cluster.find(id, signal);
  } catch (fault) {
    if (!(fault instanceof AppError) || fault.code !== 'CLUSTER_UNREACHABLE') throw fault;
    onAway?.(fault);
    return undefined;
  }
}
