/** An HTTP server of a stand-in: routes to a function, remembers what was asked, and misbehaves when it is told to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export type StandInRequest = {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
};

export type StandInAnswer = { status: number; headers?: Record<string, string>; body?: unknown };

/** What happens to the next request instead of an answer. */
export type Misbehaviour =
  /** The connection stays open and silent. */
  | { kind: 'silence' }
  /** The connection is cut in the middle of the answer. */
  | { kind: 'cut' }
  | { kind: 'answer'; answer: StandInAnswer };

export class StandInServer {
  readonly seen: StandInRequest[] = [];
  readonly misbehaviours: Misbehaviour[] = [];
  private readonly server: Server;
  private readonly scheme: string;
  private readonly sockets = new Set<Socket>();

  constructor(route: (request: StandInRequest) => StandInAnswer, tls?: { key: string; cert: string }) {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      void readBody(request).then((body) => {
        const { method = '', url = '/', headers } = request;
        const asked = { method, url: new URL(url, this.address), headers, body };
        this.seen.push(asked);
        answer(response, this.misbehaviours.shift() ?? { kind: 'answer', answer: route(asked) });
      });
    };
    this.server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.scheme = tls === undefined ? 'http' : 'https';
    this.server.on('connection', (socket: Socket) => this.sockets.add(socket));
  }

  get address(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, behaviour: Misbehaviour): void {
  switch (behaviour.kind) {
    case 'silence':
      return;
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"app": {');
      setImmediate(() => response.destroy());
      return;
    case 'answer': {
      const { status, headers = {}, body = '' } = behaviour.answer;
      const isText = typeof body === 'string';
      response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
      response.end(isText ? body : JSON.stringify(body));
    }
  }
}
