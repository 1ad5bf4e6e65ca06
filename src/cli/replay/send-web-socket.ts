/**
 * Sends texts over a WebSocket, one message each, and closes it: all that an inspector needs. Node has no client of its own
 * before version 22, and what is needed of the protocol (RFC 6455) is this little.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import { AppError } from '../../errors/app-error.ts';

const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const textFrame = 0x81;
const closeFrame = 0x88;

/** @throws AppError NO_RESPONDERS when nobody takes them at that address */
export async function sendOverWebSocket(
  address: string,
  texts: Iterable<string>,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<number> {
  const socket = await connected(address, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  const failed = new Promise<never>((_, reject) => {
    socket.once('error', (fault) => reject(unavailable(address, fault.message)));
    socket.once('close', () => reject(unavailable(address, 'the connection was closed before everything was sent')));
  });
  failed.catch(() => {}); // Raced below.
  // What comes back is of no interest, and must not fill the buffers.
  socket.resume();
  let count = 0;
  for (const text of texts) {
    signal.throwIfAborted();
    if (!socket.write(frameOf(textFrame, Buffer.from(text)))) {
      await Promise.race([failed, new Promise((resolve) => socket.once('drain', resolve))]);
    }
    count += 1;
  }
  await Promise.race([
    failed,
    new Promise<void>((resolve) => socket.end(frameOf(closeFrame, Buffer.alloc(0)), resolve)),
  ]);
  return count;
}

function connected(address: string, signal: AbortSignal): Promise<Socket> {
  const url = new URL(address);
  const key = randomBytes(16).toString('base64');
  const isTls = url.protocol === 'wss:';
  url.protocol = isTls ? 'https:' : 'http:';
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
  };
  return new Promise((resolve, reject) => {
    const asked = (isTls ? requestTls : request)(url, { headers, signal });
    asked.once('error', (fault) => reject(unavailable(address, fault.message)));
    asked.once('response', ({ statusCode }) => {
      asked.destroy();
      reject(unavailable(address, `it answers with ${statusCode}, and speaks no WebSocket`));
    });
    asked.once('upgrade', ({ headers: answer }, socket: Socket) => {
      if (answer['sec-websocket-accept'] === acceptOf(key)) resolve(socket);
      else {
        socket.destroy();
        reject(unavailable(address, 'it speaks no WebSocket'));
      }
    });
    asked.end();
  });
}

const acceptOf = (key: string) => createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64');

/** Frames of a client are masked. */
function frameOf(kind: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const masked = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return Buffer.concat([headOf(kind, payload.length), mask, masked]);
}

function headOf(kind: number, length: number): Buffer {
  if (length < 126) return Buffer.from([kind, 0x80 | length]);
  if (length < 65_536) {
    const head = Buffer.from([kind, 0x80 | 126, 0, 0]);
    head.writeUInt16BE(length, 2);
    return head;
  }
  const head = Buffer.alloc(10);
  head[0] = kind;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

function unavailable(address: string, why: string): AppError {
  const remedy = 'Start an inspector there, or give a file: --inspect run.html, --inspect run.jsonl.';
  return new AppError('NO_RESPONDERS', `nothing could be sent to ${address}: ${why}. ${remedy}`);
}
