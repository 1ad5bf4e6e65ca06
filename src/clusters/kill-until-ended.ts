/** Repeats a kill until the cluster says that the application has ended, or the limit is reached. */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { ClusterConfig } from '../../schemas/config.schema.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { KillAnswer } from './cluster-client.port.ts';
import { pause } from './pause.ts';

/** Asks once for the end: how the application is then, and whether the cluster knows it at all. */
export type KillOnce = () => Promise<{ application: Application; isKnown: boolean }>;

type KillTimings = Pick<ClusterConfig, 'killTimeoutMs' | 'killRepeatIntervalMs'>;

export async function killUntilEnded(
  killOnce: KillOnce,
  timings: KillTimings,
  { clock, signal }: { clock: Clock; signal?: AbortSignal | undefined },
): Promise<KillAnswer> {
  const deadlineAt = clock.now() + timings.killTimeoutMs;
  for (;;) {
    const { application, isKnown } = await killOnce();
    if (!isKnown) return { kind: 'unknown', application };
    if (application.hasEnded) return { kind: 'ended', application };
    const remainingMs = deadlineAt - clock.now();
    if (remainingMs <= 0) return { kind: 'pending', application };
    await pause(clock, Math.min(timings.killRepeatIntervalMs, remainingMs), signal);
  }
}

export function unknownApplication(id: string): Application {
  return { id, state: 'unknown', hasEnded: false, tags: [] };
}
