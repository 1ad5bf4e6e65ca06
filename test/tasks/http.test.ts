// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ParamScope } from '../../actors/params/param-scope.ts';
import { filledText } from '../../src/tasks/attempt-scope.ts';
import { httpTaskType } from '../../src/tasks/http/http.task-type.ts';
import { fillBody, fillUrl } from '../../src/tasks/http/http-template.ts';
import { closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string };

let server: Server;
let other: Server;
let seen: Seen[] = [];
let hanging: () => void = () => {};

const answers: Record<string, (response: ServerResponse) => void> = {
  '/json': (response) => response.setHeader('content-type', 'application/json; charset=utf-8').end('{"rows":[1,2]}'),
  '/text': (response) => response.end('plain'),
  '/broken': (response) => response.setHeader('content-type', 'application/json').end('{'),
  '/missing': (response) => response.writeHead(404).end('no such thing'),
  '/none': (response) => response.writeHead(204).end(),
  '/large': (response) => response.end('x'.repeat(5_000)),
  '/hang': () => hanging(),
  '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
  '/see-other': (response) => response.writeHead(303, { location: '/json' }).end(),
  '/kept': (response) => response.writeHead(307, { location: '/text' }).end(),
  '/away': (response) => response.writeHead(302, { location: `${baseOf(other)}/text` }).end(),
  '/file': (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
};

function listen(): Promise<Server> {
  const listening = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      const answer = answers[url.split('?')[0] ?? ''];
      if (answer === undefined) response.end('any');
      else answer(response);
    });
  });
  return new Promise((resolve) => listening.listen(0, '127.0.0.1', () => resolve(listening)));
}

const baseOf = (of: Server) => `http://127.0.0.1:${(of.address() as AddressInfo).port}`;

beforeAll(async () => {
  server = await listen();
  other = await listen();
});
afterEach(closeAttempts);
afterAll(() => {
  for (const each of [server, other]) {
    each.closeAllConnections();
    each.close();
  }
});

function request(path: string, settings: object = {}, options: FixtureOptions = {}) {
  seen = [];
  const url = `${baseOf(server)}${path}`;
  const whole = { type: 'http', method: 'GET', url, headers: {}, expectStatus: ['2xx'], ...settings };
  return runAttempt(httpTaskType, whole, options);
}

describe('an http task', () => {
  it('has the status and the parsed JSON body as outputs', async () => {
    expect(await request('/json').result).toEqual({
      kind: 'succeeded',
      outputs: { status: 200, body: { rows: [1, 2] } },
    });
  });

  it('sends its idempotency key where asking twice could do something twice, unless it has one', async () => {
    const keyOf = async (settings: object) => {
      await request('/text', settings).result;
      return seen[0]?.headers['idempotency-key'];
    };
    expect(await keyOf({ method: 'POST' })).toBe('run.step.1');
    expect(await keyOf({ method: 'DELETE' })).toBe('run.step.1');
    expect(await keyOf({ method: 'POST', headers: { 'idempotency-Key': 'mine' } })).toBe('mine');
    expect(await keyOf({ method: 'GET' })).toBeUndefined();
  });

  it('has other bodies as text', async () => {
    expect(await request('/text').result).toMatchObject({ outputs: { status: 200, body: 'plain' } });
    expect(await request('/none').result).toMatchObject({ outputs: { status: 204, body: '' } });
  });

  it('fills parameters and outputs into url, headers and body', async () => {
    const settings = {
      method: 'POST',
      url: '${base}/items/${name}?day=${day}',
      headers: { 'X-Token': 't-${needs.login.token}' },
      body: '{"list":${list}}',
    };
    const options = {
      params: { base: baseOf(server), name: 'a/b c', day: '1&2', list: [1, 2] },
      needs: { login: { token: 'abc' } },
    };
    await request('', settings, options).result;
    expect(seen).toMatchObject([{ method: 'POST', url: '/items/a%2Fb%20c?day=1%262', body: '{"list":[1,2]}' }]);
    expect(seen[0]?.headers['x-token']).toBe('t-abc');
  });

  it('fails when a placeholder has no value', async () => {
    expect(await request('/${nothing}').result).toMatchObject({ fault: { code: 'PARAM_MISSING' } });
  });

  it('fails on a status that is not expected; the log has the body', async () => {
    const fixture = request('/missing', { expectStatus: ['200', '3xx'] });
    expect(await fixture.result).toMatchObject({ kind: 'failed', fault: { code: 'HTTP_STATUS_UNEXPECTED' } });
    expect(fixture.output()).toBe('no such thing');
    expect(await request('/missing', { expectStatus: ['404'] }).result).toMatchObject({ kind: 'succeeded' });
  });

  it('fails on a body that is too large or no JSON', async () => {
    const limited = request('/large', {}, { outputSizeBytesMax: 1_000 });
    expect(await limited.result).toMatchObject({ fault: { code: 'OUTPUT_TOO_LARGE' } });
    expect(await request('/broken').result).toMatchObject({ fault: { code: 'OUTPUT_INVALID' } });
  });

  it('fails when nobody listens', async () => {
    const fixture = request('', { url: 'http://127.0.0.1:1/' });
    expect(await fixture.result).toMatchObject({ kind: 'failed', fault: { code: 'HTTP_REQUEST_FAILED' } });
  });

  it('is aborted by a cancel', async () => {
    const arrived = new Promise<void>((resolve) => {
      hanging = resolve;
    });
    const fixture = request('/hang');
    await arrived;
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled' });
  });

  it('follows redirects: 303 with GET, 307 with method and body', async () => {
    await request('/see-other', { method: 'POST', body: 'b' }).result;
    expect(seen.map(({ method, url, body }) => `${method} ${url} ${body}`)).toEqual([
      'POST /see-other b',
      'GET /json ',
    ]);
    await request('/kept', { method: 'POST', body: 'b' }).result;
    expect(seen.map(({ method, url, body }) => `${method} ${url} ${body}`)).toEqual(['POST /kept b', 'POST /text b']);
  });

  it('takes no credentials to another origin', async () => {
    await request('/away', { headers: { Authorization: 'secret', 'X-Other': 'kept' } }).result;
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['secret', undefined]);
    expect(seen[1]?.headers['x-other']).toBe('kept');
  });

  it('follows no redirect to another scheme, and not for ever', async () => {
    expect(await request('/file').result).toMatchObject({ fault: { code: 'HTTP_REQUEST_FAILED' } });
    expect(await request('/loop').result).toMatchObject({ fault: { code: 'HTTP_REQUEST_FAILED' } });
    expect(seen).toHaveLength(6);
    expect(await request('', { url: 'file:///etc/passwd' }).result).toMatchObject({
      fault: { code: 'HTTP_REQUEST_FAILED' },
    });
  });
});

describe('a template', () => {
  const scope = new ParamScope({
    entries: new Map(
      Object.entries({ a: 'x y', n: 5, o: { k: 1 }, h: 'host:80' }).map(([name, value]) => [
        name,
        { value, isTemplate: false },
      ]),
    ),
    needs: { t: { 'b.c': 'v' } },
    builtIns: new Map(),
  });

  it('takes values as they are in texts', () => {
    expect(filledText('${a} ${n} ${o} ${needs.t.b.c} $${a}', scope)).toBe('x y 5 {"k":1} v ${a}');
  });

  it('encodes values in a URL from the path on', () => {
    expect(fillUrl('http://${h}/${a}?q=${h}#${a}', scope)).toBe('http://host:80/x%20y?q=host%3A80#x%20y');
  });

  it('stays inside of the strings of a JSON body', () => {
    const quoted = new ParamScope({
      entries: new Map(
        Object.entries({ q: 'a"}\n', o: { k: 'v' } }).map(([name, value]) => [name, { value, isTemplate: false }]),
      ),
      needs: {},
      builtIns: new Map(),
    });
    const body = JSON.stringify({ title: 'is ${q}', 'key ${q}': '${o}', plain: '$${q}' });
    expect(JSON.parse(fillBody(body, quoted))).toEqual({ title: 'is a"}\n', 'key a"}\n': '{"k":"v"}', plain: '${q}' });
    expect(fillBody('{"o": ${o}}', quoted)).toBe('{"o": {"k":"v"}}');
    expect(fillBody('q=${q}', quoted)).toBe('q=a"}\n');
  });

  it('knows own properties only', () => {
    expect(() => filledText('${constructor}', scope)).toThrow(/constructor/);
  });
});
