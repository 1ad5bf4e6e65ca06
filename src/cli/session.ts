/** A client command at work: connected, with an end by Ctrl-C or a closed pipe. */
import type { Config } from '../../schemas/config.schema.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { CliDeps, Keyboard } from './cli-deps.ts';
import { CommandEnd } from './command-end.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { connectToNats, findNats } from './find-nats.ts';
import { limits } from './limits.ts';
import { createMasterClient, type MasterClient } from './master-client.ts';
import type { Screen } from './screen.ts';

export type Session = {
  client: MasterClient;
  transport: Transport;
  clock: Clock;
  ids: IdSource;
  screen: Screen;
  cwd: string;
  json: boolean;
  /** Undefined where nobody sits at a terminal. */
  keyboard: Keyboard | undefined;
  /** Aborts when the command should end; its reason is thrown. */
  signal: AbortSignal;
};

export type SessionOptions = {
  deps: CliDeps;
  config: Config;
  screen: Screen;
  json: boolean;
  controller: AbortController;
};

/** Connects, runs the command and disconnects, whatever happens. */
export async function withSession(
  { deps, config, screen, json, controller }: SessionOptions,
  run: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { signal } = controller;
  const address = findNats(config, deps.cwd);
  // Until there is a connection to close, Ctrl-C may simply end the process.
  const transport = await connectToNats(deps, config, address);
  const removeInterrupt = deps.onInterrupt(() => controller.abort(new CommandEnd(exitCodes.interrupted)));
  try {
    const { clock, ids } = deps;
    const client = createMasterClient({ transport, clock, ids, signal, address: address.shown });
    const { keyboard, cwd } = deps;
    return await run({ client, transport, clock, ids, screen, cwd, json, keyboard, signal });
  } finally {
    removeInterrupt();
    await transport.stop(limits.disconnectDeadlineMs);
  }
}
