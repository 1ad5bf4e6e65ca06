/** One message over a NATS connection of its own: published and flushed, or asked and answered. */
import { connect, headers as createHeaders, type Msg, type MsgHdrs, type NatsConnection } from 'nats';

export type NatsMessage = {
  server: string;
  subject: string;
  headers: Readonly<Record<string, string>>;
  payload: string;
  timeoutMs: number;
};

export type NatsAnswer = { text: string; headers: Record<string, string> };

/** Resolves when the server has taken it. */
export async function publishOnce(message: NatsMessage, signal: AbortSignal): Promise<void> {
  await withConnection(message, signal, async (connection) => {
    connection.publish(message.subject, message.payload, { headers: headersOf(message) });
    await connection.flush();
  });
}

/** Rejects when nobody answers in time. */
export async function requestOnce(message: NatsMessage, signal: AbortSignal): Promise<NatsAnswer> {
  return await withConnection(message, signal, async (connection) => {
    const options = { timeout: message.timeoutMs, headers: headersOf(message) };
    return answerOf(await connection.request(message.subject, message.payload, options));
  });
}

async function withConnection<T>(
  { server, timeoutMs }: NatsMessage,
  signal: AbortSignal,
  use: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const { address, ...user } = credentialsOf(server);
  const connection = await connect({
    servers: address,
    ...user,
    timeout: timeoutMs,
    reconnect: false,
    name: 'millrace task',
  });
  const close = (): void => void connection.close().catch(() => {}); // Whatever waits on it rejects.
  signal.addEventListener('abort', close, { once: true });
  try {
    signal.throwIfAborted();
    return await use(connection);
  } finally {
    signal.removeEventListener('abort', close);
    await connection.close();
  }
}

/** The library does not read credentials out of an address. */
function credentialsOf(server: string): { address: string; user?: string; pass?: string; token?: string } {
  const url = new URL(server.includes('://') ? server : `nats://${server}`);
  const { username, password, host } = url;
  if (username === '') return { address: host };
  const user = decodeURIComponent(username);
  return password === '' ? { address: host, token: user } : { address: host, user, pass: decodeURIComponent(password) };
}

function headersOf(message: NatsMessage): MsgHdrs {
  const headers = createHeaders();
  for (const [name, value] of Object.entries(message.headers)) headers.set(name, value);
  return headers;
}

function answerOf(message: Msg): NatsAnswer {
  const names = message.headers?.keys() ?? [];
  return {
    text: message.string(),
    headers: Object.fromEntries(names.map((name) => [name.toLowerCase(), message.headers?.get(name) ?? ''])),
  };
}
