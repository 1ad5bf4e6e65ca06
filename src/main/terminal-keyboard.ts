/** The keys of the terminal that this process runs in. */
import { emitKeypressEvents } from 'node:readline';
import type { Key, Keyboard } from '../cli/cli-deps.ts';

type Pressed = { name?: string; ctrl?: boolean };

/** Undefined when the standard input is no terminal. */
export function terminalKeyboard(stdin: typeof process.stdin): Keyboard | undefined {
  if (stdin.isTTY !== true) return undefined;
  return {
    onKey: (listener) => {
      const pressed = (text: string | undefined, { name = '', ctrl = false }: Pressed): void =>
        listener({ name, text: text ?? '', hasCtrl: ctrl } satisfies Key);
      emitKeypressEvents(stdin);
      stdin.setRawMode(true);
      stdin.resume();
      stdin.on('keypress', pressed);
      return () => {
        stdin.off('keypress', pressed);
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
  };
}
