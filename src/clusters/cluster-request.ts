/** One request over HTTP or HTTPS, with Node's own client: one try, one deadline, a bound on the answer. */
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '../clock/clock.port.ts';

const answerSizeBytesMax = 16_777_216;

export type TlsMaterial = {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** False only where a kubeconfig says so. */
  rejectUnauthorized?: boolean | undefined;
};

export type ClusterRequest = {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** JSON. */
  body?: string | undefined;
  tls?: TlsMaterial | undefined;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

export type ClusterAnswer = { status: number; location: string | undefined; body: string };

/** Rejects when there is no whole answer, for whatever reason. */
export function sendRequest(asked: ClusterRequest, clock: Clock): Promise<ClusterAnswer> {
  return new Promise((resolve, reject) => {
    const request = opened(asked);
    const timer = clock.after(asked.timeoutMs, () =>
      request.destroy(new Error(`no answer within ${asked.timeoutMs} ms`)),
    );
    request.on('error', reject);
    request.once('close', () => timer.cancel());
    request.once('response', (response) => readAnswer(response).then(resolve, reject));
    request.end(asked.body);
  });
}

function opened({ method, url, headers, body, tls, signal }: ClusterRequest): ClientRequest {
  const length =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options = { method, headers: { accept: 'application/json', ...length, ...headers }, ...(signal && { signal }) };
  return url.protocol === 'https:' ? requestHttps(url, { ...options, ...tls }) : requestHttp(url, options);
}

async function readAnswer(response: IncomingMessage): Promise<ClusterAnswer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > answerSizeBytesMax) throw new Error(`the answer has more than ${answerSizeBytesMax} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error('the answer ended in the middle');
  const { location } = response.headers;
  return { status: response.statusCode ?? 0, location, body: Buffer.concat(chunks).toString('utf8') };
}
