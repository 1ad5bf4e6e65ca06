import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ClusterSession } from '../../src/clusters/cluster-session.ts';
import { clusterContract } from '../contract/cluster.contract.ts';
import { clusterConfig, clusterNamed, surroundings } from '../kit/cluster-configs.ts';
import { YarnStandIn } from '../kit/yarn-stand-in.ts';

let yarn: YarnStandIn;

const prod = (said: object = {}) =>
  clusterNamed('prod', { kind: 'yarn', addresses: yarn.addresses, user: 'etl', ...said });
const questions = (index: number) => yarn.managers[index]?.seen.map(({ method, url }) => `${method} ${url.pathname}`);

/** Through the REST interface, so that a real ResourceManager does the same. */
async function submitTo(addresses: string[], user: string, tag: string): Promise<string> {
  const placeOf = async () => ({ addresses, headers: {}, tls: {} });
  const session = new ClusterSession(
    { name: 'submit', timings: clusterConfig({ kind: 'yarn', addresses, user }), placeOf },
    surroundings,
  );
  const query = `user.name=${user}`;
  const made = await session.ask({ method: 'POST', path: `ws/v1/cluster/apps/new-application?${query}` });
  const id = (JSON.parse(made.body) as { 'application-id': string })['application-id'];
  const body = {
    'application-id': id,
    'application-name': 'millrace test',
    'application-type': 'YARN',
    'application-tags': { tag },
    'am-container-spec': { commands: { command: 'sleep 300' } },
    resource: { memory: 256, vCores: 1 },
  };
  const submitted = await session.ask({ method: 'POST', path: `ws/v1/cluster/apps?${query}`, body });
  expect(submitted.status).toBe(202);
  return id;
}

const { MILLRACE_TEST_YARN: real, MILLRACE_TEST_YARN_USER: realUser = 'etl' } = process.env;
const realAddresses = real?.split(',') ?? [];

describe('with a stand-in', () => {
  beforeAll(async () => {
    yarn = await YarnStandIn.start();
  });
  afterAll(() => yarn.close());
  clusterContract('YARN', {
    client: () => prod(),
    submit: (tag) => submitTo(yarn.addresses, 'etl', tag),
    strangeId: 'application_1600000000000_0001',
  });
});

if (real !== undefined) {
  clusterContract('a real YARN', {
    client: () => clusterNamed('real', { kind: 'yarn', addresses: realAddresses, user: realUser }),
    submit: (tag) => submitTo(realAddresses, realUser, tag),
    strangeId: 'application_1600000000000_0001',
  });
}

describe('the state of a YARN application', () => {
  beforeEach(async () => {
    yarn = await YarnStandIn.start();
  });
  afterEach(() => yarn.close());

  it.each([
    ['NEW', 'UNDEFINED', 'accepted', false],
    ['SUBMITTED', 'UNDEFINED', 'accepted', false],
    ['ACCEPTED', 'UNDEFINED', 'accepted', false],
    ['RUNNING', 'UNDEFINED', 'running', false],
    ['FINISHED', 'SUCCEEDED', 'succeeded', true],
    ['FINISHED', 'FAILED', 'failed', true],
    ['FINISHED', 'KILLED', 'killed', true],
    ['FINISHED', 'ENDED', 'failed', true],
    ['FINISHED', 'UNDEFINED', 'unknown', true],
    ['FAILED', 'FAILED', 'failed', true],
    ['KILLED', 'KILLED', 'killed', true],
    ['LATER_INVENTED', 'UNDEFINED', 'unknown', false],
  ])('%s with %s is %s', async (state, finalStatus, expected, hasEnded) => {
    const { id } = yarn.submit({ state, finalStatus });
    expect(await prod().find(id)).toMatchObject({ id, state: expected, hasEnded });
  });

  it('comes with user, name, tags and the tracking URL once there is one', async () => {
    const app = yarn.submit({ name: 'daily', user: 'ann', applicationTags: 'a-1,b' });
    expect(await prod().find(app.id)).toEqual({
      id: app.id,
      state: 'accepted',
      hasEnded: false,
      name: 'daily',
      user: 'ann',
      tags: ['a-1', 'b'],
    });
    Object.assign(app, { state: 'RUNNING', trackingUrl: 'http://proxy/x', diagnostics: 'd'.repeat(5_000) });
    const running = await prod().find(app.id);
    expect(running).toMatchObject({ state: 'running', trackingUrl: 'http://proxy/x' });
    expect(running.diagnostics?.length).toBeLessThan(1_010);
  });

  it('is unknown once the history of the application is gone', async () => {
    const { id } = yarn.submit({ state: 'FINISHED', finalStatus: 'SUCCEEDED' });
    expect(await prod().find(id)).toMatchObject({ state: 'succeeded' });
    yarn.apps.delete(id);
    expect(await prod().find(id)).toMatchObject({ state: 'unknown', hasEnded: false });
  });

  it('is read from the lists of older releases too, and by a tag in capitals', async () => {
    yarn.style = 'old';
    const { id } = yarn.submit({ applicationTags: 'abc' });
    expect(await prod().findByTag('none')).toEqual([]);
    expect((await prod().findByTag('ABC')).map((app) => app.id)).toEqual([id]);
  });
});

describe('a kill on YARN', () => {
  beforeEach(async () => {
    yarn = await YarnStandIn.start();
  });
  afterEach(() => yarn.close());

  it('is repeated while the answer is 202, until the application is dead', async () => {
    const { id } = yarn.submit({ state: 'RUNNING', killsToGo: 3 });
    expect(await prod().kill(id)).toMatchObject({ kind: 'ended', application: { id, state: 'killed' } });
    expect(questions(0)?.filter((asked) => asked.startsWith('PUT'))).toHaveLength(4);
  });

  it('ends as pending when the limit is reached first', async () => {
    const { id } = yarn.submit({ state: 'RUNNING', killsToGo: Number.POSITIVE_INFINITY });
    const answer = await prod({ killTimeoutMs: 20 }).kill(id);
    expect(answer).toMatchObject({ kind: 'pending', application: { id, state: 'running', hasEnded: false } });
  });

  it('of one that ended by itself meanwhile says how it ended', async () => {
    const { id } = yarn.submit({ state: 'FINISHED', finalStatus: 'SUCCEEDED' });
    expect(await prod().kill(id)).toMatchObject({ kind: 'ended', application: { state: 'succeeded' } });
  });

  it('of one that vanishes on the way is of one unknown', async () => {
    const { id } = yarn.submit({ state: 'RUNNING', killsToGo: 1 });
    yarn.managers[0]?.misbehaviours.push({ kind: 'answer', answer: { status: 202, body: { state: 'RUNNING' } } });
    yarn.apps.delete(id);
    expect(await prod().kill(id)).toMatchObject({ kind: 'unknown' });
  });

  it('is refused to another user, with what the cluster says, and is not repeated', async () => {
    const { id } = yarn.submit({ user: 'ann', state: 'RUNNING' });
    await expect(prod({ user: 'bob' }).kill(id)).rejects.toMatchObject({
      code: 'CLUSTER_REFUSED',
      message: expect.stringContaining('User bob cannot perform operation MODIFY_APP'),
    });
    expect(yarn.managers[0]?.seen).toHaveLength(1);
    expect(await prod({ user: 'admin' }).kill(id)).toMatchObject({ kind: 'ended' });
  });

  it('can be given up', async () => {
    const { id } = yarn.submit({ state: 'RUNNING', killsToGo: Number.POSITIVE_INFINITY });
    const abort = new AbortController();
    const killing = prod({ killRepeatIntervalMs: 60_000 }).kill(id, abort.signal);
    while (yarn.managers[0]?.seen.length !== 2) await new Promise(setImmediate);
    abort.abort(new Error('enough'));
    await expect(killing).rejects.toThrow('enough');
  });
});

describe('a YARN cluster with two ResourceManagers', () => {
  beforeEach(async () => {
    yarn = await YarnStandIn.start(2);
    yarn.active = 1;
  });
  afterEach(() => yarn.close());

  it('is asked through the redirect of the standby, and later without it', async () => {
    const { id } = yarn.submit({ state: 'RUNNING', killsToGo: 1 });
    const client = prod();
    expect(await client.kill(id)).toMatchObject({ kind: 'ended' });
    expect(await client.find(id)).toMatchObject({ state: 'killed' });
    expect(yarn.managers[0]?.seen).toHaveLength(1);
  });

  it('is waited for while neither is active', async () => {
    const { id } = yarn.submit();
    yarn.active = undefined;
    const found = prod({ attemptsMax: 100 }).find(id);
    while ((yarn.managers[1]?.seen.length ?? 0) < 2) await new Promise(setImmediate);
    yarn.active = 0;
    expect(await found).toMatchObject({ id, state: 'accepted' });
  });

  it('is asked at the other address when one is away, busy, silent, cut off or an old standby', async () => {
    const { id } = yarn.submit();
    yarn.active = 0;
    const [first] = yarn.managers;
    first?.misbehaviours.push(
      { kind: 'silence' },
      { kind: 'cut' },
      { kind: 'answer', answer: { status: 503, body: 'busy' } },
      { kind: 'answer', answer: { status: 429 } },
      { kind: 'answer', answer: { status: 200, body: 'This is standby RM. The redirect url is: /' } },
    );
    const addresses = ['http://127.0.0.1:1', ...yarn.addresses.slice(0, 1)];
    const client = prod({ addresses, requestTimeoutMs: 200, attemptsMax: 12 });
    expect(await client.find(id)).toMatchObject({ id });
    expect(first?.seen).toHaveLength(6);
  });

  it('that does not answer at all is unreachable, with the reason of each address', async () => {
    const addresses = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
    await expect(prod({ addresses, attemptsMax: 4 }).find('application_1_0001')).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringMatching(/prod.*127\.0\.0\.1:1: connect ECONNREFUSED.*127\.0\.0\.1:2: /),
    });
  });

  it('that is something else is told apart from one that does not know the application', async () => {
    const client = prod({ addresses: [`${yarn.addresses[1]}/proxy/`] });
    await expect(client.find('application_1_0001')).rejects.toMatchObject({ code: 'CLUSTER_ANSWER_INVALID' });
    yarn.managers[1]?.misbehaviours.push({ kind: 'answer', answer: { status: 404, body: 'no such page' } });
    await expect(prod().find('application_1_0001')).rejects.toMatchObject({ code: 'CLUSTER_ANSWER_INVALID' });
    yarn.managers[1]?.misbehaviours.push({ kind: 'answer', answer: { status: 401, body: 'who are you' } });
    await expect(prod().findByTag('a')).rejects.toMatchObject({ code: 'CLUSTER_REFUSED' });
  });
});

describe('a token for YARN', () => {
  let folder: string;
  beforeEach(async () => {
    yarn = await YarnStandIn.start(2);
    folder = mkdtempSync(join(tmpdir(), 'yarn-test-'));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await yarn.close();
  });
  const tokens = (index: number) => yarn.managers[index]?.seen.map(({ headers }) => headers.authorization);

  it('is read from its file for each request, and goes to no host that is not configured', async () => {
    const { id } = yarn.submit();
    const tokenFile = join(folder, 'token');
    const client = prod({ addresses: yarn.addresses.slice(0, 1), tokenFile });
    writeFileSync(tokenFile, 'one\n');
    await client.find(id);
    writeFileSync(tokenFile, 'two\n');
    yarn.active = 1;
    await client.find(id);
    expect(tokens(0)).toEqual(['Bearer one', 'Bearer two']);
    expect(tokens(1)).toEqual([undefined]);
  });

  it('whose file is not there is a fault of the configuration', async () => {
    await expect(prod({ tokenFile: join(folder, 'none') }).find('application_1_0001')).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining('clusters.prod.tokenFile'),
    });
  });
});
