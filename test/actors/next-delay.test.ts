import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextDelayMs } from '../../actors/retry/next-delay.ts';
import { retryPolicySchema } from '../../schemas/definition/workflow.definition.ts';
import { noRetry } from '../kit/definitions.ts';

const policyArbitrary = fc.record({
  attempts: fc.integer({ min: 1, max: 1_000 }),
  delayMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_650 * 86_400_000 })),
  backoff: fc.oneof(fc.constantFrom(1, 2, 100), fc.double({ min: 1, max: 100, noNaN: true })),
  delayMaxMs: fc.integer({ min: 0, max: 3_650 * 86_400_000 }),
  jitter: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
});
const randomArbitrary = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const failureCountArbitrary = fc.integer({ min: 1, max: 1_100 });

describe('the wait before the next attempt', () => {
  it('grows by the factor up to the longest wait', () => {
    const policy = { ...noRetry, attempts: 10, delayMs: 1_000, backoff: 3, delayMaxMs: 20_000 };
    const delays = [1, 2, 3, 4, 5].map((failureCount) => nextDelayMs(policy, failureCount, 0.5));
    expect(delays).toEqual([1_000, 3_000, 9_000, 20_000, 20_000]);
  });

  it('is spread by the jitter around its middle', () => {
    const policy = { ...noRetry, attempts: 2, delayMs: 10_000, jitter: 0.2 };
    expect([0, 0.5, 0.75].map((random) => nextDelayMs(policy, 1, random))).toEqual([8_000, 10_000, 11_000]);
  });

  it('exists exactly while an attempt is left, and is a whole number of milliseconds within its bounds', () => {
    fc.assert(
      fc.property(policyArbitrary, failureCountArbitrary, randomArbitrary, (policy, failureCount, random) => {
        expect(retryPolicySchema.safeParse(policy).success).toBe(true);
        const delayMs = nextDelayMs(policy, failureCount, random);
        if (failureCount >= policy.attempts) {
          expect(delayMs).toBeUndefined();
          return;
        }
        expect(Number.isSafeInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(policy.delayMaxMs * (1 + policy.jitter)));
      }),
    );
  });

  it('never shrinks from one failure to the next without jitter', () => {
    fc.assert(
      fc.property(policyArbitrary, fc.integer({ min: 1, max: 998 }), (policy, failureCount) => {
        const steady = { ...policy, attempts: 1_000, jitter: 0 };
        const delayMs = nextDelayMs(steady, failureCount, 0.5) ?? Number.NaN;
        expect(nextDelayMs(steady, failureCount + 1, 0.5)).toBeGreaterThanOrEqual(delayMs);
      }),
    );
  });
});
