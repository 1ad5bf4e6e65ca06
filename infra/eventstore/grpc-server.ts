/**
 * A gRPC server on node:http2: each `:path` has one handler. HTTP/1.1 requests to the same port reach a small
 * health page. Handlers write framed messages themselves, so that many answers can leave in one piece.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { GrpcCall } from './grpc-call.ts';
import { GRPC_CODE, type GrpcStatus } from './grpc-status.ts';
import { EventStoreNodeError } from './node-error.ts';

export type GrpcHandler = (call: GrpcCall) => void;

const CONCURRENT_CALLS_PER_CONNECTION_MAX = 100;
const REJECTED_CALLS_MAX = 1_000_000;
const STREAM_WINDOW_SIZE_BYTES = 1024 * 1024;
const CONNECTION_WINDOW_SIZE_BYTES = 4 * 1024 * 1024;
const HTTP2_FIRST_BYTE = 'P'.charCodeAt(0);
const HTTP2_SECOND_BYTE = 'R'.charCodeAt(0);

export class GrpcServer {
  private readonly handlers: ReadonlyMap<string, GrpcHandler>;
  private readonly sockets: Server;
  private readonly http2: Http2Server;
  private readonly http1 = createHttpServer(answerHealth);
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly open = new Set<Socket>();
  private readonly calls = new Set<GrpcCall>();
  private stopStatus: GrpcStatus | undefined;

  constructor(handlers: ReadonlyMap<string, GrpcHandler>) {
    this.handlers = handlers;
    const initialWindowSize = STREAM_WINDOW_SIZE_BYTES;
    this.http2 = createHttp2Server({
      settings: { maxConcurrentStreams: CONCURRENT_CALLS_PER_CONNECTION_MAX, initialWindowSize },
      // A call begun in the same packet that gives another up is refused at the limit; that is no reason to hang up.
      maxSessionRejectedStreams: REJECTED_CALLS_MAX,
    });
    this.http2.on('session', (session) => this.openSession(session));
    this.http2.on('sessionError', () => {}); // A broken connection closes its calls, which is all there is to do.
    this.http2.on('stream', (stream, headers) => this.serve(new GrpcCall(stream, headers), headers[':path'] ?? ''));
    this.sockets = createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /** Resolves to the port; port 0 picks a free one. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.sockets.once('error', (cause) => reject(listenError(host, port, cause)));
      this.sockets.listen(port, host, () => resolve((this.sockets.address() as AddressInfo).port));
    });
  }

  /** Ends every open call with the status, then closes the connections, by force after the deadline. */
  async stop(status: GrpcStatus, deadlineMs: number): Promise<void> {
    this.stopStatus = status;
    const closed = new Promise<void>((resolve) => this.sockets.close(() => resolve()));
    for (const call of this.calls) call.end(status);
    for (const session of this.sessions) session.close();
    this.http1.closeAllConnections();
    const timer = setTimeout(() => this.destroyConnections(), deadlineMs);
    await closed;
    clearTimeout(timer);
  }

  private destroyConnections(): void {
    for (const session of this.sessions) session.destroy();
    for (const socket of this.open) socket.destroy();
  }

  /** HTTP/2 connections begin with "PRI"; no HTTP/1.1 method begins with "PR" but PROPFIND, which is not served. */
  private accept(socket: Socket): void {
    this.open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.open.delete(socket));
    socket.once('data', (first: Buffer) => {
      const isHttp2 = first[0] === HTTP2_FIRST_BYTE && (first.length < 2 || first[1] === HTTP2_SECOND_BYTE);
      socket.pause();
      socket.unshift(first);
      (isHttp2 ? this.http2 : this.http1).emit('connection', socket);
      if (!isHttp2) socket.resume();
    });
  }

  private openSession(session: ServerHttp2Session): void {
    this.sessions.add(session);
    session.setLocalWindowSize(CONNECTION_WINDOW_SIZE_BYTES);
    session.once('close', () => this.sessions.delete(session));
  }

  private serve(call: GrpcCall, path: string): void {
    const handler = this.handlers.get(path);
    if (this.stopStatus !== undefined || handler === undefined) {
      const message = `This event store node does not offer ${path}.`;
      call.end(this.stopStatus ?? { code: GRPC_CODE.unimplemented, message });
      return;
    }
    this.calls.add(call);
    handler(call);
    const { onClose } = call;
    call.onClose = () => {
      this.calls.delete(call);
      onClose();
    };
  }
}

const answerHealth = (request: IncomingMessage, response: ServerResponse): void => {
  const isHealth = request.method === 'GET' && request.url?.split('?')[0] === '/health/live';
  response.writeHead(isHealth ? 204 : 404).end();
};

const listenError = (host: string, port: number, cause: NodeJS.ErrnoException): EventStoreNodeError => {
  const isTaken = cause.code === 'EADDRINUSE';
  const message = isTaken
    ? `Port ${port} on ${host} is in use. Choose another port, or 0 for a free one.`
    : `The event store node cannot listen on ${host}:${port}: ${cause.message}.`;
  return new EventStoreNodeError(isTaken ? 'EVENT_STORE_PORT_IN_USE' : 'EVENT_STORE_ADDRESS_REFUSED', message, {
    cause,
  });
};
