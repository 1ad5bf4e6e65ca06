/** When and how often a nats-server that died is started again. */

export interface RestartPolicy {
  firstDelayMs: number;
  delayMaxMs: number;
  /** Failed or short-lived runs in a row after which the supervisor gives up. */
  restartCountMax: number;
  /** A run that lasted this long counts as healthy: the count begins anew. */
  healthyAfterMs: number;
}

export const defaultRestartPolicy: RestartPolicy = {
  firstDelayMs: 100,
  delayMaxMs: 5_000,
  restartCountMax: 10,
  healthyAfterMs: 60_000,
};

/** Doubles with each restart up to the limit; between half and the whole of it by chance (`random` in 0..1). */
export function restartDelayMs(policy: RestartPolicy, restartCount: number, random: number): number {
  const wholeMs = Math.min(policy.delayMaxMs, policy.firstDelayMs * 2 ** (restartCount - 1));
  return Math.round(wholeMs * (0.5 + random / 2));
}
