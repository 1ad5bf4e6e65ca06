/** The interactive view on a terminal: the whole screen is drawn anew after each key, and left as it was before. */
import type { ReplayedRun } from '../../replay/replayed-run.ts';
import type { Keyboard } from '../cli-deps.ts';
import type { Screen } from '../screen.ts';
import { viewLines } from './view-lines.ts';
import { afterKey, firstView } from './view-state.ts';

const control = '\u001b[';
const enter = `${control}?1049h${control}?25l`;
const leave = `${control}?25h${control}?1049l`;

export type ViewOptions = {
  screen: Screen;
  keyboard: Keyboard;
  signal: AbortSignal;
  /** Where it begins. */
  revision: number;
};

/** Resolves when the person quits. */
export async function showView(run: ReplayedRun, { screen, keyboard, signal, revision }: ViewOptions): Promise<void> {
  let state = firstView(run, revision);
  const draw = (): void => {
    const lines = viewLines(run, state, { columns: screen.columns(), rows: screen.rows() }, screen.colors);
    screen.write(`${control}H${lines.map((line) => `${line}${control}K`).join('\r\n')}${control}J`);
  };
  screen.write(enter);
  try {
    draw();
    await new Promise<void>((resolve) => {
      const end = (): void => {
        removeKeys();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const removeKeys = keyboard.onKey((key) => {
        state = afterKey(run, state, key);
        if (state.isOver) end();
        else draw();
      });
      signal.addEventListener('abort', end, { once: true });
    });
  } finally {
    screen.write(leave);
  }
}
