/** The wait before the next attempt of a failed task. */
import type { RetryPolicy } from '../../schemas/definition/workflow.definition.ts';

/**
 * @param failureCount failed attempts so far, the one just failed included (1 or more)
 * @param random a number in [0, 1)
 * @returns milliseconds to wait, or undefined when no attempt is left
 */
export function nextDelayMs(policy: RetryPolicy, failureCount: number, random: number): number | undefined {
  if (failureCount >= policy.attempts) return undefined;
  // Zero times an overflown power would be not a number.
  const exponential = policy.delayMs === 0 ? 0 : policy.delayMs * policy.backoff ** (failureCount - 1);
  const bounded = Math.min(exponential, policy.delayMaxMs);
  const spread = 1 + policy.jitter * (2 * random - 1);
  return Math.round(bounded * spread);
}
