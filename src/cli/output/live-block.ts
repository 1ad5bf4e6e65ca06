/** Some lines at the bottom of a terminal that are drawn again and again in their place. */
import type { Clock, Timer } from '../../clock/clock.port.ts';
import { limits } from '../limits.ts';

export type LiveBlock = {
  /** Something changed; drawn soon, many changes at once. */
  changed(): void;
  /** Draws the last state and leaves it standing. Idempotent. */
  finish(): void;
};

export type LiveBlockOptions = {
  write(text: string): void;
  clock: Clock;
  /** Height of the terminal: what does not fit cannot be drawn over again. */
  rows: number;
  /** Makes the lines when they are drawn. None may be wider than the terminal. */
  lines(): readonly string[];
};

const control = '\u001b[';

export function createLiveBlock({ write, clock, rows, lines }: LiveBlockOptions): LiveBlock {
  let drawnCount = 0;
  let nextDraw: Timer | undefined;
  let tick: Timer | undefined;
  let isFinished = false;

  const draw = (): void => {
    nextDraw = undefined;
    const current = lines().slice(0, Math.max(1, rows - 1));
    const toTop = drawnCount === 0 ? '' : `${control}${drawnCount}A`;
    drawnCount = current.length;
    write(`${toTop}\r${control}0J${current.map((line) => `${line}\n`).join('')}`);
    tick?.cancel();
    if (!isFinished) tick = clock.after(limits.tickMs, draw);
  };

  return {
    changed: () => {
      if (!isFinished) nextDraw ??= clock.after(limits.redrawIntervalMs, draw);
    },
    finish: () => {
      if (isFinished) return;
      isFinished = true;
      nextDraw?.cancel();
      draw();
    },
  };
}
