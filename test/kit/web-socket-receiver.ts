/** The other end of a WebSocket, as far as tests need it: takes text messages of a client, by RFC 6455. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type WebSocketReceiver = {
  address: string;
  messages: string[];
  /** Resolves when the client has said that it closes. */
  closed: Promise<void>;
  stop(): void;
};

export async function receiveWebSocket(): Promise<WebSocketReceiver> {
  const messages: string[] = [];
  const server: Server = createServer((_, response) => response.writeHead(404).end());
  const closed = new Promise<void>((resolve, reject) => {
    server.on('upgrade', ({ headers }, socket: Socket) => {
      const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`);
      let bytes = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        for (let frame = frameIn(bytes); frame !== undefined; frame = frameIn(bytes)) {
          bytes = bytes.subarray(frame.sizeBytes);
          if (frame.kind === 8) {
            socket.end(Buffer.from([0x88, 0]));
            resolve();
          } else messages.push(frame.text);
        }
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `ws://127.0.0.1:${port}`, messages, closed, stop: () => void server.close() };
}

/** The first whole frame; undefined while a part of it is missing. */
function frameIn(bytes: Buffer): { kind: number; text: string; sizeBytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extra + 4;
  if (bytes.length < start) return undefined;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(2 + extra, start);
  const payload = Buffer.from(bytes.subarray(start, start + length).map((byte, at) => byte ^ (mask[at % 4] ?? 0)));
  return { kind: first & 0x0f, text: payload.toString('utf8'), sizeBytes: start + length };
}
