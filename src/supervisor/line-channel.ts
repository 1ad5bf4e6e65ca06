/** JSON objects, one per line, over a socket. A line that cannot be read closes the channel: the ends no longer agree. */
import type { Socket } from 'node:net';

/** An order holds an environment, which Linux limits to 2 MiB. */
const lineLengthMax = 4_194_304;

export type LineChannel<Out> = {
  send(message: Out): void;
  /** Bytes that the other end has not taken. */
  waitingSizeBytes(): number;
  close(): void;
};

export type LineChannelOptions<In> = {
  socket: Socket;
  isMessage: (value: unknown) => value is In;
  onMessage: (message: In) => void;
  /** The other end has taken all that waited. */
  onDrain?: () => void;
  /** Called once; the fault is undefined at a plain end. */
  onClose: (fault: Error | undefined) => void;
};

export function createLineChannel<In, Out>(options: LineChannelOptions<In>): LineChannel<Out> {
  const { socket, isMessage, onMessage, onClose } = options;
  let rest = '';
  let fault: Error | undefined;
  const take = (line: string): void => {
    const message = parse(line);
    // What was found is not told: orders hold secrets.
    if (!isMessage(message)) throw new Error("expected a message of the supervisor's protocol, found something else");
    onMessage(message);
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    try {
      for (const line of lines) if (!socket.destroyed) take(line);
      if (rest.length > lineLengthMax) throw new Error(`expected a line of at most ${lineLengthMax} characters`);
    } catch (thrown) {
      socket.destroy(thrown as Error);
    }
  });
  socket.on('drain', () => options.onDrain?.());
  socket.on('error', (thrown) => {
    fault = thrown;
  });
  socket.once('close', () => onClose(fault));
  return {
    send: (message) => {
      if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
    },
    waitingSizeBytes: () => socket.writableLength,
    close: () => void socket.destroy(),
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // No message either way.
  }
}
