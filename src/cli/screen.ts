/** What a command writes: results to stdout, everything else to stderr. A closed pipe ends the command quietly. */
import type { CliDeps } from './cli-deps.ts';
import { CommandEnd } from './command-end.ts';
import { exitCodes } from './exit-codes.ts';
import { type Colors, createCliColors } from './output/colors.ts';

export type Screen = {
  colors: Colors;
  isTty: boolean;
  columns(): number;
  rows(): number;
  /** Text as it is, to stdout. */
  write(text: string): void;
  /** One line to stdout. */
  print(line: string): void;
  /** One document to stdout. */
  printJson(value: unknown): void;
  /** One line of JSON Lines to stdout. */
  printJsonLine(value: unknown): void;
  /** One line to stderr, for a person. */
  note(line: string): void;
};

const usualColumns = 80;
const usualRows = 24;

/** Aborts `controller` when stdout cannot be written any more; with exit code 0 when its reader has gone (EPIPE). */
export function createScreen(deps: CliDeps, controller: AbortController): Screen {
  deps.stdout.on('error', (fault) => controller.abort(isClosedPipe(fault) ? new CommandEnd(exitCodes.ok) : fault));
  // Nobody is left to be told of a stderr that cannot be written.
  deps.stderr.on('error', () => undefined);
  const write = (text: string): void => {
    if (!controller.signal.aborted) deps.stdout.write(text);
  };
  return {
    colors: createCliColors({ isTty: deps.isTty, noColor: deps.env.NO_COLOR }),
    isTty: deps.isTty,
    columns: () => deps.stdout.columns ?? usualColumns,
    rows: () => deps.stdout.rows ?? usualRows,
    write,
    print: (line) => write(`${line}\n`),
    printJson: (value) => write(`${JSON.stringify(value, null, 2)}\n`),
    printJsonLine: (value) => write(`${JSON.stringify(value)}\n`),
    note: (line) => void deps.stderr.write(`${line}\n`),
  };
}

function isClosedPipe(fault: Error): boolean {
  return 'code' in fault && fault.code === 'EPIPE';
}
