/** Makes Jobs of Kubernetes and reads the logs of their pods. Questions only, no watches: each can be asked of any address. */
import {
  type KubernetesPodOfJob,
  kubernetesFaultSchema,
  kubernetesPodsOfJobSchema,
} from '../../schemas/clusters/kubernetes-answers.schema.ts';
import type { ClusterConfig } from '../../schemas/config.schema.ts';
import { AppError } from '../errors/app-error.ts';
import { answerAs, invalid, parseAnswer, refused, shortened } from './cluster-answers.ts';
import { createClusterClients } from './cluster-clients.adapter.ts';
import type { ClusterAnswer } from './cluster-request.ts';
import type { ClusterSurroundings } from './cluster-session.ts';
import type { JobLog, JobOrder, JobRunner, JobRunners } from './job-runner.port.ts';
import { containerName, parseKubernetesId } from './kubernetes-application.ts';
import { KubernetesCluster } from './kubernetes-cluster.adapter.ts';
import { linesAfter, sinceTime } from './pod-log.ts';

const logSizeBytesMax = 8_388_608;
const faultLengthMax = 1_000;

export function createJobRunners(
  configured: Readonly<Record<string, ClusterConfig>>,
  surroundings: ClusterSurroundings,
): JobRunners {
  const clients = createClusterClients(configured, surroundings);
  return (name) => {
    const client = clients.named(name);
    if (client instanceof KubernetesCluster) return new KubernetesJobs(client);
    const message = `expected a cluster of the kind kubernetes; "${name}" is of the kind ${client.kind}. Name another one.`;
    throw new AppError('CLUSTER_UNKNOWN', message);
  };
}

class KubernetesJobs implements JobRunner {
  private readonly cluster: KubernetesCluster;

  constructor(cluster: KubernetesCluster) {
    this.cluster = cluster;
  }

  readonly find: JobRunner['find'] = (id, signal) => this.cluster.find(id, signal);
  readonly kill: JobRunner['kill'] = (id, signal) => this.cluster.kill(id, signal);

  async idOf({ name, namespace }: Pick<JobOrder, 'name' | 'namespace'>): Promise<string> {
    return `job/${namespace ?? (await this.cluster.namespace())}/${name}`;
  }

  async create({ name, namespace, spec, labels }: JobOrder, signal?: AbortSignal): Promise<void> {
    const path = `apis/batch/v1/namespaces/${namespace ?? (await this.cluster.namespace())}/jobs`;
    const body = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, labels }, spec };
    const answer = await this.cluster.session.ask({ method: 'POST', path, body, signal });
    this.checkAllowed(answer);
    if (answer.status < 300) return;
    const fault = answerAs(kubernetesFaultSchema, answer);
    if (fault === undefined) throw invalid(answer, this.cluster.name);
    if (answer.status === 409 && fault.reason === 'AlreadyExists') return; // Made by a request whose answer was lost.
    const why = shortened(fault.message ?? fault.reason ?? 'no reason given', faultLengthMax);
    throw new AppError('TASK_START_FAILED', `the cluster ${this.cluster.name} does not take the Job: ${why}`);
  }

  async log(id: string, after: bigint | undefined, signal?: AbortSignal): Promise<JobLog> {
    let log: JobLog = { text: '', lastAt: after };
    for (const pod of await this.podsOf(id, signal)) {
      const page = await this.logOf(pod, log.lastAt, signal);
      log = { text: log.text + page.text, lastAt: page.lastAt };
    }
    return log;
  }

  async exitCode(id: string, signal?: AbortSignal): Promise<number | undefined> {
    const statuses = (await this.podsOf(id, signal)).at(-1)?.status?.containerStatuses ?? [];
    return statuses.find(({ name }) => name === containerName)?.state?.terminated?.exitCode;
  }

  /** The oldest first. */
  private async podsOf(id: string, signal: AbortSignal | undefined): Promise<KubernetesPodOfJob[]> {
    const parsed = parseKubernetesId(id);
    if (parsed === undefined) return [];
    const selector = encodeURIComponent(`job-name=${parsed.name}`);
    const path = `api/v1/namespaces/${parsed.namespace}/pods?labelSelector=${selector}`;
    const answer = await this.cluster.session.ask({ method: 'GET', path, signal });
    this.checkAllowed(answer);
    const { items } = parseAnswer(kubernetesPodsOfJobSchema, answer, this.cluster.name);
    const createdAt = ({ metadata }: KubernetesPodOfJob) => metadata.creationTimestamp ?? '';
    return items
      .map((pod) => ({ ...pod, metadata: { ...pod.metadata, namespace: parsed.namespace } }))
      .sort((a, b) => createdAt(a).localeCompare(createdAt(b)));
  }

  private async logOf(
    { metadata, status }: KubernetesPodOfJob,
    after: bigint | undefined,
    signal: AbortSignal | undefined,
  ): Promise<JobLog> {
    const since = after === undefined ? '' : `&sinceTime=${encodeURIComponent(sinceTime(after))}`;
    const question = `container=${containerName}&timestamps=true&limitBytes=${logSizeBytesMax}${since}`;
    const path = `api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/log?${question}`;
    const answer = await this.cluster.session.ask({ method: 'GET', path, signal });
    this.checkAllowed(answer);
    // A container that has not begun, or a pod that is gone, has no log.
    if (answer.status >= 300) return { text: '', lastAt: after };
    const isFull = Buffer.byteLength(answer.body) >= logSizeBytesMax;
    const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    const log = linesAfter(answer.body, after, hasEnded && !isFull);
    // A second with more than is answered at once would be asked for again and again.
    const isStuck = isFull && log.lastAt === after && after !== undefined;
    return isStuck ? { text: log.text, lastAt: after + 1_000_000_000n } : log;
  }

  private checkAllowed(answer: ClusterAnswer): void {
    if (answer.status !== 401 && answer.status !== 403) return;
    throw refused(this.cluster.name, answer, answerAs(kubernetesFaultSchema, answer)?.message);
  }
}
