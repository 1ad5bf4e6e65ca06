/** A program on a terminal that a test types on: `script`, which is part of every Debian, makes the terminal. */
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { onTestFinished } from 'vitest';
import { eventually } from './eventually.ts';

export type PseudoTerminal = {
  press(keys: string): void;
  /** The lines of the newest whole screen. */
  lines(): string[];
  /** Resolves when the screen holds the text. */
  shows(text: string): Promise<void>;
  readonly ended: Promise<number | null>;
};

export const keys = { right: '\u001b[C', left: '\u001b[D', up: '\u001b[A', down: '\u001b[B', enter: '\r' } as const;

const home = '\u001b[H';
const endOfScreen = '\u001b[J';

export function openTerminal(command: readonly string[], size = { columns: 110, rows: 34 }): PseudoTerminal {
  const quoted = command.map((word) => `'${word}'`).join(' ');
  const inside = `stty cols ${size.columns} rows ${size.rows}; ${quoted}`;
  const child = spawn('script', ['-qfec', inside, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let written = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject));
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = (): string[] => {
    const end = written.lastIndexOf(endOfScreen);
    const start = end === -1 ? -1 : written.lastIndexOf(home, end);
    return start === -1 ? [] : stripVTControlCharacters(written.slice(start, end)).split('\r\n');
  };
  return {
    press: (pressed) => void child.stdin.write(pressed),
    lines,
    shows: async (text) => {
      await eventually(`the screen shows "${text}"`, () => {
        if (lines().some((line) => line.includes(text))) return true;
        throw new Error(`it shows:\n${lines().join('\n')}`);
      });
    },
    ended,
  };
}
