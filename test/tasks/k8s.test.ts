// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
/** `k8s`: what Job is made, how its log and its end reach the attempt, and that it outlives the worker. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJobRunners } from '../../src/clusters/kubernetes-jobs.adapter.ts';
import { linesAfter, sinceTime } from '../../src/clusters/pod-log.ts';
import { createK8sTaskType } from '../../src/tasks/k8s/k8s.task-type.ts';
import type { TaskType } from '../../src/tasks/task-type.port.ts';
import { clusterConfig, surroundings } from '../kit/cluster-configs.ts';
import { eventually } from '../kit/eventually.ts';
import { KubernetesStandIn } from '../kit/kubernetes-stand-in.ts';
import {
  type AttemptFixture,
  adoptAttempt,
  closeAttempts,
  type FixtureOptions,
  runAttempt,
} from './attempt-fixture.ts';

let api: KubernetesStandIn;
beforeEach(async () => {
  api = await KubernetesStandIn.start();
});
afterEach(async () => {
  closeAttempts();
  await api.close();
});

const settings = { type: 'k8s', cluster: 'pods', image: 'busybox', args: [], labels: {}, nodeSelector: {} };

function taskType(): TaskType {
  const config = clusterConfig({ kind: 'kubernetes', addresses: [api.server.address], namespace: 'etl' });
  const yarn = clusterConfig({ kind: 'yarn', addresses: ['http://127.0.0.1:1'], user: 'etl' });
  return createK8sTaskType(createJobRunners({ pods: config, hadoop: yarn }, surroundings));
}

const run = (own: object = {}, options: FixtureOptions = {}) =>
  runAttempt(taskType(), { ...settings, ...own }, options);
const jobOf = ({ offer }: Pick<AttemptFixture, 'offer'>) => `millrace-${offer.attemptId}`;
const idOf = (attempt: Pick<AttemptFixture, 'offer'>) => `job/etl/${jobOf(attempt)}`;

describe('a Job', () => {
  it('is made as the task says, named and labelled after the attempt', async () => {
    const own = {
      image: 'etl:${version}',
      imagePullPolicy: 'Always',
      command: ['load'],
      args: ['--day', '${day}'],
      cpu: '500m',
      memory: '1Gi',
      memoryMax: '2Gi',
      labels: { app: 'etl', 'millrace/attempt': 'no' },
      nodeSelector: { disk: 'fast' },
      pullSecret: 'registry',
      serviceAccount: 'loader',
    };
    const attempt = run(own, { params: { version: 'v1', day: '2030-01-31' }, env: { LEVEL: '3' } });
    await attempt.found(idOf(attempt));
    expect(attempt.applications).toEqual([{ kind: 'kubernetes', id: idOf(attempt), cluster: 'pods' }]);
    const labels = { app: 'etl', 'millrace/attempt': attempt.offer.attemptId };
    expect(api.made[0]).toMatchObject({
      metadata: { name: jobOf(attempt), labels },
      spec: {
        backoffLimit: 0,
        template: {
          metadata: { labels },
          spec: {
            restartPolicy: 'Never',
            nodeSelector: { disk: 'fast' },
            imagePullSecrets: [{ name: 'registry' }],
            serviceAccountName: 'loader',
            containers: [
              {
                image: 'etl:v1',
                imagePullPolicy: 'Always',
                command: ['load'],
                args: ['--day', '2030-01-31'],
                resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
                env: expect.arrayContaining([
                  { name: 'LEVEL', value: '3' },
                  { name: 'MILLRACE_PARAM_day', value: '2030-01-31' },
                  { name: 'MILLRACE_ATTEMPT_ID', value: attempt.offer.attemptId },
                ]),
              },
            ],
          },
        },
      },
    });
    expect(JSON.stringify(api.made[0])).not.toContain('"name":"PATH"');
  });

  it('has its log followed line by line, and its last words as outputs', async () => {
    const attempt = run();
    await attempt.found(idOf(attempt));
    api.say(jobOf(attempt), 'first', 'second');
    await attempt.said('second\n');
    api.say(jobOf(attempt), '${setValue(rows=3)}');
    api.end(jobOf(attempt), 0);
    expect(await attempt.result).toEqual({ kind: 'succeeded', outputs: { rows: '3' } });
    expect(attempt.output()).toBe('first\nsecond\n${setValue(rows=3)}\n');
  });

  it('that fails fails the attempt, with the exit code of its container', async () => {
    const attempt = run();
    await attempt.found(idOf(attempt));
    api.end(jobOf(attempt), 3);
    const result = await attempt.result;
    expect(result).toMatchObject({ kind: 'failed', exitCode: 3, fault: { code: 'APPLICATION_FAILED' } });
    expect(JSON.stringify(result)).toContain('ended as failed with exit code 3: BackoffLimitExceeded');
  });

  it('that somebody deletes fails the attempt', async () => {
    const attempt = run();
    await attempt.found(idOf(attempt));
    await eventually('a look', () => api.server.seen.some(({ method }) => method === 'GET') || undefined);
    api.objects.jobs.length = 0;
    expect(await attempt.result).toMatchObject({ kind: 'failed', fault: { code: 'APPLICATION_UNKNOWN' } });
  });

  it('is deleted when the attempt is cancelled, which ends when it is gone', async () => {
    const attempt = run();
    await attempt.found(idOf(attempt));
    attempt.running.cancel('graceful', 'stop');
    expect(await attempt.result).toEqual({ kind: 'cancelled' });
    expect(api.objects).toEqual({ jobs: [], pods: [] });
  });

  it.each(['drain', 'leaseLost', 'revoked'] as const)(
    'lives on when its worker can no longer follow it: %s',
    async (reason) => {
      const attempt = run();
      await attempt.found(idOf(attempt));
      attempt.running.cancel('graceful', reason);
      expect(await attempt.result).toEqual({ kind: 'cancelled' });
      expect(api.objects.jobs.map(({ metadata }) => metadata.name)).toEqual([jobOf(attempt)]);
    },
  );

  it('whose making is answered too late is made once', async () => {
    api.server.misbehaviours.push({ kind: 'cut' });
    const attempt = run();
    await attempt.found(idOf(attempt));
    expect(api.made).toHaveLength(1);
    api.end(jobOf(attempt), 0);
    expect((await attempt.result).kind).toBe('succeeded');
  });

  it('that Kubernetes does not take says why', async () => {
    const body = { kind: 'Status', reason: 'Invalid', message: 'Job.batch is invalid: spec.template' };
    api.server.misbehaviours.push({ kind: 'answer', answer: { status: 422, body } });
    const result = await run().result;
    expect(result).toMatchObject({ kind: 'failed', fault: { code: 'TASK_START_FAILED' } });
    expect(JSON.stringify(result)).toContain('Job.batch is invalid');
  });

  it('on a cluster of another kind, or of none, is refused', async () => {
    expect(await run({ cluster: 'hadoop' }).result).toMatchObject({ fault: { code: 'CLUSTER_UNKNOWN' } });
    expect(await run({ cluster: 'podz' }).result).toMatchObject({ fault: { code: 'CLUSTER_UNKNOWN' } });
  });
});

describe('a restarted worker', () => {
  it('finds the Job, and goes on with its log where the former life stopped', async () => {
    const before = run();
    await before.found(idOf(before));
    api.say(jobOf(before), 'first');
    await before.said('first\n');
    const after = await adoptAttempt(taskType(), before);
    await after.found(idOf(before));
    api.say(jobOf(before), 'second');
    api.end(jobOf(before), 0);
    expect(await after.result).toEqual({ kind: 'succeeded', outputs: {} });
    expect(after.output()).toBe('second\n');
    expect(api.made).toHaveLength(1);
  });

  it('makes no Job that was never made: the attempt is lost', async () => {
    const before = run();
    await before.found(idOf(before));
    api.objects.jobs.length = 0;
    const after = await adoptAttempt(taskType(), before);
    expect(await after.result).toMatchObject({ kind: 'lost', fault: { code: 'WORKER_INCARNATION_GONE' } });
    expect(api.made).toHaveLength(1);
  });
});

describe('the log of a pod', () => {
  const text = '2030-01-31T08:00:00.1Z a\n2030-01-31T10:00:00.200000001+02:00 b c\n2030-01-31T08:00:01Z cut';
  const at = (time: string, nanoseconds: bigint) => BigInt(Date.parse(time)) * 1_000_000n + nanoseconds;

  it('is told by the times of its lines', () => {
    const lastAt = at('2030-01-31T08:00:00Z', 200_000_001n);
    expect(linesAfter(text, undefined, false)).toEqual({ text: 'a\nb c\n', lastAt });
    expect(linesAfter(text, at('2030-01-31T08:00:00Z', 100_000_000n), false)).toEqual({ text: 'b c\n', lastAt });
    expect(linesAfter(text, lastAt, true)).toEqual({ text: 'cut\n', lastAt: at('2030-01-31T08:00:01Z', 0n) });
    expect(sinceTime(lastAt)).toBe('2030-01-31T08:00:00Z');
  });
});
