/** Asks a port whether a nats-server with JetStream answers there: the server speaks first, one line `INFO {...}`. */
import { connect } from 'node:net';
import { z } from 'zod';

const ServerInfoSchema = z.object({
  server_name: z.string(),
  version: z.string(),
  jetstream: z.boolean().default(false),
});

export type ProbeResult =
  | { status: 'answered'; serverName: string; version: string; isJetStreamEnabled: boolean }
  | { status: 'silent'; reason: string };

const infoLineSizeMaxBytes = 64 * 1024;

/** Never throws; ends within the timeout. */
export function probeNatsServer(options: { host: string; port: number; timeoutMs: number }): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: options.host, port: options.port });
    let received = '';
    const finish = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(options.timeoutMs, () => finish(silent(`no INFO line within ${options.timeoutMs} ms`)));
    socket.on('error', (error) => finish(silent(error.message)));
    socket.on('close', () => finish(silent('the connection was closed before the INFO line')));
    socket.on('data', (chunk: string) => {
      received += chunk;
      const lineEnd = received.indexOf('\r\n');
      if (lineEnd >= 0) finish(parseInfoLine(received.slice(0, lineEnd)));
      else if (received.length > infoLineSizeMaxBytes) finish(silent('what answers is not a nats-server'));
    });
  });
}

function parseInfoLine(line: string): ProbeResult {
  if (!line.startsWith('INFO ')) return silent('what answers is not a nats-server');
  try {
    const server = ServerInfoSchema.parse(JSON.parse(line.slice('INFO '.length)));
    return {
      status: 'answered',
      serverName: server.server_name,
      version: server.version,
      isJetStreamEnabled: server.jetstream,
    };
  } catch {
    return silent('the INFO line could not be understood');
  }
}

function silent(reason: string): ProbeResult {
  return { status: 'silent', reason };
}
