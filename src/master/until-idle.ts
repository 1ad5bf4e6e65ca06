/** For a master that is about to stop: gives what was sent to it time to come in, and decided work time to become durable. */
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Transport } from '../transport/transport.port.ts';

const lookIntervalMs = 10;
const receiveTimeoutMs = 500;

/** Resolves when nothing is being done any more, or after the deadline. */
export async function untilIdle(isBusy: () => boolean, clock: Clock, deadlineMs: number): Promise<void> {
  const deadlineAt = clock.now() + deadlineMs;
  while (isBusy() && clock.now() < deadlineAt) {
    await new Promise<void>((resolve) => {
      clock.after(lookIntervalMs, resolve);
    });
  }
}

/** What NATS had sent before it heard that this master takes nothing new has come in. Beyond a moment it is given up. */
export async function untilReceived({ transport, clock }: { transport: Transport; clock: Clock }): Promise<void> {
  if (transport.status() === 'away') return;
  let timer: Timer | undefined;
  const moment = new Promise<void>((resolve) => {
    timer = clock.after(receiveTimeoutMs, resolve);
  });
  await Promise.race([transport.flush().catch(() => {}), moment]);
  timer?.cancel();
}
