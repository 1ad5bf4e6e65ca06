import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubernetesClusterConfig } from '../../schemas/config.schema.ts';
import { attemptLabel } from '../../src/clusters/kubernetes-application.ts';
import { KubernetesCluster } from '../../src/clusters/kubernetes-cluster.adapter.ts';
import { clusterContract } from '../contract/cluster.contract.ts';
import { clusterConfig, surroundings } from '../kit/cluster-configs.ts';
import { KubernetesStandIn } from '../kit/kubernetes-stand-in.ts';
import { selfSigned } from '../kit/self-signed.ts';

let api: KubernetesStandIn;

function clusterOf(said: object): KubernetesCluster {
  const config = clusterConfig({ kind: 'kubernetes', ...said });
  return new KubernetesCluster('k', config as KubernetesClusterConfig, surroundings); // Its kind says so.
}

const cluster = (said: object = {}) => clusterOf({ addresses: [api.server.address], ...said });
const asked = () => api.server.seen.map(({ method, url }) => `${method} ${url.pathname}`);

/** Through the client's own session, so that a real API does the same. */
async function submitJob({ session }: KubernetesCluster, namespace: string, tag: string): Promise<string> {
  const name = `millrace-test-${randomUUID().slice(0, 8)}`;
  const labels = { [attemptLabel]: tag };
  const container = { name: 'main', image: 'busybox', command: ['sleep', '300'] };
  const body = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels },
    spec: {
      backoffLimit: 0,
      template: { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [container] } },
    },
  };
  const made = await session.ask({ method: 'POST', path: `apis/batch/v1/namespaces/${namespace}/jobs`, body });
  expect(made.status).toBe(201);
  return `job/${namespace}/${name}`;
}

describe('with a stand-in', () => {
  beforeAll(async () => {
    api = await KubernetesStandIn.start();
  });
  afterAll(() => api.close());
  clusterContract('Kubernetes', {
    client: () => cluster(),
    submit: (tag) => submitJob(cluster(), 'default', tag),
    strangeId: 'job/default/nothing-of-that-name',
  });
});

const { MILLRACE_TEST_KUBECONFIG: kubeconfig, MILLRACE_TEST_NAMESPACE: namespace = 'default' } = process.env;
if (kubeconfig !== undefined) {
  const real = () => clusterOf({ kubeconfig, namespace });
  clusterContract('a real Kubernetes', {
    client: real,
    submit: (tag) => submitJob(real(), namespace, tag),
    strangeId: `job/${namespace}/nothing-of-that-name`,
  });
}

describe('the state', () => {
  beforeEach(async () => {
    api = await KubernetesStandIn.start();
  });
  afterEach(() => api.close());
  const condition = (type: string, part: object = {}) => ({ conditions: [{ type, status: 'True', ...part }] });

  it.each([
    ['that is new', {}, 'accepted', false],
    ['whose pod is not ready', { active: 1, ready: 0 }, 'accepted', false],
    ['whose pod is ready', { active: 1, ready: 1 }, 'running', false],
    ['of an older server', { active: 1 }, 'running', false],
    ['that is suspended', condition('Suspended'), 'accepted', false],
    ['that is complete', condition('Complete'), 'succeeded', true],
    ['that was complete once', { conditions: [{ type: 'Complete', status: 'False' }], active: 1 }, 'running', false],
    ['that failed', { ...condition('Failed', { reason: 'BackoffLimitExceeded' }), active: 1 }, 'failed', true],
  ])('of a Job %s', async (_name, status, state, hasEnded) => {
    api.add('jobs', 'one', { status });
    expect(await cluster().find('job/default/one')).toMatchObject({ state, hasEnded });
  });

  it('of a failed Job comes with the reason', async () => {
    api.add('jobs', 'one', { status: condition('Failed', { reason: 'DeadlineExceeded', message: 'too long' }) });
    expect((await cluster().find('job/default/one')).diagnostics).toBe('DeadlineExceeded: too long');
  });

  it.each([
    ['Pending', 'accepted', false],
    ['Running', 'running', false],
    ['Succeeded', 'succeeded', true],
    ['Failed', 'failed', true],
    ['Unknown', 'unknown', false],
  ])('of a pod in phase %s is %s', async (phase, state, hasEnded) => {
    api.add('pods', 'driver', { status: { phase } });
    expect(await cluster().find('pod/default/driver')).toMatchObject({ state, hasEnded });
  });

  it.each(['job/default', 'application_1_0001', 'job/../secrets/x', 'job/default/A b'])(
    'of %s, which is no id, is unknown; nothing is asked',
    async (id) => {
      expect(await cluster().find(id)).toMatchObject({ id, state: 'unknown' });
      expect(await cluster().kill(id)).toMatchObject({ kind: 'unknown' });
      expect(asked()).toEqual([]);
    },
  );
});

describe('a tag', () => {
  beforeEach(async () => {
    api = await KubernetesStandIn.start();
  });
  afterEach(() => api.close());

  it('finds Jobs, and pods that no Job or pod has made', async () => {
    const labels = { [attemptLabel]: 'a1' };
    api.add('jobs', 'job-1', { labels });
    api.add('pods', 'job-1-x', { labels }).metadata.ownerReferences = [{ kind: 'Job', name: 'job-1' }];
    api.add('pods', 'driver', { labels });
    api.add('pods', 'executor', { labels }).metadata.ownerReferences = [{ kind: 'Pod', name: 'driver' }];
    api.add('pods', 'other', { labels: { [attemptLabel]: 'a2' } });
    expect((await cluster().findByTag('a1')).map(({ id }) => id)).toEqual(['job/default/job-1', 'pod/default/driver']);
  });

  it('is looked for in the namespace of the configuration', async () => {
    api.add('jobs', 'here', { labels: { [attemptLabel]: 'a1' } }).metadata.namespace = 'etl';
    expect(await cluster().findByTag('a1')).toEqual([]);
    expect(await cluster({ namespace: 'etl' }).findByTag('a1')).toMatchObject([{ id: 'job/etl/here' }]);
  });
});

describe('a kill on Kubernetes', () => {
  beforeEach(async () => {
    api = await KubernetesStandIn.start();
  });
  afterEach(() => api.close());

  it('waits until the Job is gone', async () => {
    api.looksToGone = 3;
    api.add('jobs', 'one', { status: { active: 1, ready: 1 } });
    const answer = await cluster().kill('job/default/one');
    expect(answer).toMatchObject({ kind: 'ended', application: { id: 'job/default/one', state: 'killed' } });
    expect(api.objects.jobs).toEqual([]);
  });

  it('is pending while a finalizer holds it', async () => {
    api.looksToGone = Number.POSITIVE_INFINITY;
    api.add('pods', 'one', { status: { phase: 'Unknown' } });
    const answer = await cluster({ killTimeoutMs: 20 }).kill('pod/default/one');
    expect(answer).toMatchObject({ kind: 'pending', application: { state: 'unknown' } });
  });

  it('leaves one that has ended, with its result', async () => {
    api.add('jobs', 'one', { status: { conditions: [{ type: 'Complete', status: 'True' }] } });
    expect(await cluster().kill('job/default/one')).toMatchObject({
      kind: 'ended',
      application: { state: 'succeeded' },
    });
    expect(asked()).toEqual(['GET /apis/batch/v1/namespaces/default/jobs/one']);
  });

  it('never deletes another one of the same name', async () => {
    const first = api.add('jobs', 'one', { status: { active: 1 } });
    api.looksToGone = Number.POSITIVE_INFINITY;
    const killing = cluster({ killRepeatIntervalMs: 5 }).kill('job/default/one');
    while (first.metadata.deletionTimestamp === undefined) await new Promise(setImmediate);
    api.objects.jobs = [];
    const second = api.add('jobs', 'one', { status: { active: 1 } });
    expect(await killing).toMatchObject({ kind: 'ended', application: { state: 'killed' } });
    expect(second.metadata.deletionTimestamp).toBeUndefined();
  });

  it('that is forbidden is refused with what the API says', async () => {
    api.add('jobs', 'one');
    api.forbidden.add('delete');
    await expect(cluster().kill('job/default/one')).rejects.toMatchObject({
      code: 'CLUSTER_REFUSED',
      message: expect.stringContaining('User "etl" cannot delete'),
    });
  });

  it('tells a gateway from an API that does not know the Job', async () => {
    const client = cluster({ addresses: [`${api.server.address}/elsewhere/`] });
    await expect(client.find('job/default/one')).rejects.toMatchObject({ code: 'CLUSTER_ANSWER_INVALID' });
    await expect(client.findByTag('a1')).rejects.toMatchObject({ code: 'CLUSTER_ANSWER_INVALID' });
  });
});

describe('a kubeconfig', () => {
  let folder: string;
  const tls = selfSigned();
  beforeEach(async () => {
    api = await KubernetesStandIn.start(tls);
    api.token = 'secret-token';
    api.add('jobs', 'one').metadata.namespace = 'etl';
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-test-'));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await api.close();
  });

  function withKubeconfig(place: object, user: object, said: object = {}): KubernetesCluster {
    const path = join(folder, 'config');
    const content = {
      'current-context': 'main',
      contexts: [
        { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'etl' } },
        { name: 'broken', context: { cluster: 'gone', user: 'u' } },
      ],
      clusters: [{ name: 'c', cluster: { server: api.server.address, ...place } }],
      users: [{ name: 'u', user }],
    };
    writeFileSync(path, JSON.stringify(content));
    return clusterOf({ kubeconfig: path, attemptsMax: 1, ...said });
  }
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it('gives address, certificate, token and namespace', async () => {
    const client = withKubeconfig({ 'certificate-authority-data': base64(tls.cert) }, { token: 'secret-token' });
    expect(await client.find('job/etl/one')).toMatchObject({ state: 'accepted' });
    await client.findByTag('a1');
    expect(asked().at(-1)).toContain('/namespaces/etl/');
  });

  it('may name files, from its own folder on', async () => {
    writeFileSync(join(folder, 'ca.pem'), tls.cert);
    writeFileSync(join(folder, 'token'), 'secret-token\n');
    const client = withKubeconfig({ 'certificate-authority': 'ca.pem' }, { tokenFile: 'token' });
    expect(await client.find('job/etl/one')).toMatchObject({ state: 'accepted' });
  });

  it('without the right authority trusts nobody, unless it says so', async () => {
    const user = { token: 'secret-token' };
    await expect(withKubeconfig({}, user).find('job/etl/one')).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('self-signed'),
    });
    const careless = withKubeconfig({ 'insecure-skip-tls-verify': true }, user);
    expect(await careless.find('job/etl/one')).toMatchObject({ state: 'accepted' });
  });

  it('with a wrong token is refused', async () => {
    const client = withKubeconfig({ 'certificate-authority-data': base64(tls.cert) }, { token: 'wrong' });
    await expect(client.find('job/etl/one')).rejects.toMatchObject({ code: 'CLUSTER_REFUSED' });
  });

  it.each([
    ['a program for its user', { exec: { command: 'aws' } }, {}, 'gets its credentials from a program'],
    ['no such context', {}, { context: 'other' }, 'expected a context, found other'],
    ['no such cluster', {}, { context: 'broken' }, 'expected a cluster, found gone'],
    ['no file', {}, { kubeconfig: '/none/config' }, 'expected a readable file, found ENOENT'],
  ])('with %s is a fault of the configuration', async (_name, user, said, message) => {
    await expect(withKubeconfig({}, user, said).find('job/etl/one')).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining(message),
    });
  });
});
