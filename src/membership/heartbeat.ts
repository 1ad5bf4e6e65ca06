/** Keeps one entry of the members bucket alive. A missed renewal is logged and tried again at the next beat. */
import type { Member } from '../../schemas/messages/membership.messages.ts';
import type { Bucket } from '../buckets/bucket.port.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';

export type Heartbeat = {
  /** Resolves when the first entry is written. */
  start(): Promise<void>;
  /** Writes the entry at once: its state changed. */
  beatNow(): void;
  /** Removes the entry. */
  stop(): Promise<void>;
};

export type HeartbeatOptions = {
  bucket: Bucket;
  key: string;
  entry: () => Member;
  intervalMs: number;
  /** After each entry that was written. */
  onRenewed?: () => void;
  clock: Clock;
  log: Log;
};

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { bucket, key, entry, intervalMs, clock, log } = options;
  let timer: Timer | undefined;
  let isStopped = false;

  const beat = async (): Promise<void> => {
    try {
      await bucket.put(key, entry());
      options.onRenewed?.();
    } catch (fault) {
      log.warn({ key, fault }, 'heartbeat could not be written');
    }
  };
  const loop = (): void => {
    if (isStopped) return;
    timer = clock.after(intervalMs, () => void beat().then(loop));
  };

  return {
    start: async () => {
      await beat();
      loop();
    },
    beatNow: () => {
      if (!isStopped) void beat();
    },
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      timer?.cancel();
      try {
        await bucket.remove(key);
      } catch (fault) {
        log.warn({ key, fault }, 'member entry could not be removed; it will expire');
      }
    },
  };
}
