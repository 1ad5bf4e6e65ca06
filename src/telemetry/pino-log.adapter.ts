/** The log on pino: JSON lines for machines, or short coloured lines for a person at a terminal. */

import picocolors from 'picocolors';
import { type DestinationStream, destination, pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { Log } from './log.ts';

export type PinoLogOptions = {
  level: 'error' | 'warn' | 'info' | 'debug';
  /** Short lines for people instead of JSON. */
  pretty: boolean;
  /** Colours in pretty lines. Default: as picocolors finds the terminal. */
  colors?: boolean;
  /** Where lines go. Default: stderr of the process, written at once so that a crash loses none. */
  output?: { write(text: string): unknown };
};

type Colors = ReturnType<typeof picocolors.createColors>;
type Line = { level: string; time: string; msg: string } & Record<string, unknown>;

export function createPinoLog(options: PinoLogOptions): Log {
  const output = options.output ?? destination({ fd: 2, sync: true });
  const colors = picocolors.createColors(options.colors ?? picocolors.isColorSupported);
  const stream: DestinationStream = {
    write: (text) => void output.write(options.pretty ? prettyLine(text, colors) : text),
  };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err, cause: stdSerializers.err },
    },
    stream,
  );
}

function prettyLine(text: string, colors: Colors): string {
  // The text is what pino has just made: one JSON object with these fields.
  const { level, time, msg, ...fields } = JSON.parse(text) as Line;
  const paint = { error: colors.red, warn: colors.yellow, info: colors.green, debug: colors.dim }[level] ?? String;
  const shownFields = Object.entries(fields).map(([name, value]) => `${colors.dim(`${name}=`)}${shownValue(value)}`);
  return `${[colors.dim(time.slice(11, 23)), paint(level.padEnd(5)), msg, ...shownFields].join(' ')}\n`;
}

function shownValue(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) || value === '' ? JSON.stringify(value) : value;
  if (isSerializedError(value)) return JSON.stringify(value.message);
  return JSON.stringify(value);
}

/** The stack of a fault stays in the JSON form; a person first needs its sentence. */
function isSerializedError(value: unknown): value is { message: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value;
}
