/**
 * The event store node as a process of its own: `--data-dir <folder> [--port <n>] [--host <address>]`.
 * Prints one JSON line when it is ready or cannot start. Exit codes: 0 stopped, 1 cannot start, 78 wrong arguments.
 */
import { parseArgs } from 'node:util';
import { type EventStoreNode, type EventStoreNodeLog, startEventStoreNode } from './event-store-node.ts';
import { EventStoreNodeError } from './node-error.ts';

const EXIT_CANNOT_START = 1;
const EXIT_WRONG_ARGUMENTS = 78;
const STOP_DEADLINE_MS = 5000;
const PORT_MAX = 65_535;

type Arguments = { readonly dataDir: string; readonly host: string; readonly port: number };

const readArguments = (args: readonly string[]): Arguments => {
  const options = { 'data-dir': { type: 'string' }, port: { type: 'string' }, host: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const dataDir = values['data-dir'];
  if (dataDir === undefined || dataDir === '') throw new Error('--data-dir <folder> is required.');
  const port = Number(values.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new Error(`--port must be a whole number from 0 to ${PORT_MAX}, not "${values.port}".`);
  }
  return { dataDir, port, host: values.host ?? '127.0.0.1' };
};

const fail = (exitCode: number, error: unknown): never => {
  const code = error instanceof EventStoreNodeError ? error.code : 'EVENT_STORE_ARGUMENTS_WRONG';
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${JSON.stringify({ ready: false, code, message })}\n`);
  process.exit(exitCode);
};

const logToStderr = (entry: EventStoreNodeLog): void => {
  if (entry.level !== 'error') return;
  const fields = Object.entries(entry.fields).map(([name, value]) => [
    name,
    value instanceof Error ? value.message : value,
  ]);
  process.stderr.write(
    `${JSON.stringify({ level: entry.level, message: entry.message, ...Object.fromEntries(fields) })}\n`,
  );
};

const stopOnSignals = (node: EventStoreNode): void => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      node.stop(STOP_DEADLINE_MS).then(
        () => process.exit(0),
        (error: unknown) => fail(EXIT_CANNOT_START, error),
      );
    });
  }
};

const parseOrExit = (): Arguments => {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    return fail(EXIT_WRONG_ARGUMENTS, error);
  }
};

const main = async (): Promise<void> => {
  const node = await startEventStoreNode({ ...parseOrExit(), onLog: logToStderr });
  stopOnSignals(node);
  process.stdout.write(
    `${JSON.stringify({ ready: true, port: node.port, connectionString: node.connectionString })}\n`,
  );
};

main().catch((error: unknown) => fail(EXIT_CANNOT_START, error));
