/** Turns what nats-server prints into levels and messages. */

export interface NatsLogLine {
  source: 'launcher' | 'nats-server';
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
}

const levelByTag: Record<string, NatsLogLine['level']> = {
  TRC: 'debug',
  DBG: 'debug',
  INF: 'info',
  WRN: 'warn',
  ERR: 'error',
  FTL: 'error',
};

/** A line looks like `[3199] [INF] Server is ready`; what does not (a crash, a usage text) is an error. */
export function parseNatsLogLine(line: string): NatsLogLine {
  const match = /^\[\d+\] (?:\S+ \S+ )?\[([A-Z]{3})\] ?(.*)$/.exec(line);
  const level = levelByTag[match?.[1] ?? ''] ?? 'error';
  return { source: 'nats-server', level, message: match?.[2] ?? line };
}
