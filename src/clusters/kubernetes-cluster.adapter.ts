/** Kubernetes, by the REST interface of its API: Jobs, and pods that nothing made but a client. */
import type { z } from 'zod';
import type { Application } from '../../schemas/clusters/application.schema.ts';
import {
  kubernetesFaultSchema,
  kubernetesJobSchema,
  kubernetesJobsSchema,
  kubernetesPodSchema,
  kubernetesPodsSchema,
} from '../../schemas/clusters/kubernetes-answers.schema.ts';
import type { KubernetesClusterConfig } from '../../schemas/config.schema.ts';
import { answerAs, invalid, parseAnswer, refused } from './cluster-answers.ts';
import type { ClusterClient, KillAnswer } from './cluster-client.port.ts';
import { configuredPlace } from './cluster-place.ts';
import type { ClusterAnswer } from './cluster-request.ts';
import { ClusterSession, type ClusterSurroundings } from './cluster-session.ts';
import { killUntilEnded, unknownApplication } from './kill-until-ended.ts';
import { placeOfKubeconfig } from './kubeconfig.ts';
import {
  applicationOfJob,
  applicationOfPod,
  attemptLabel,
  isOwned,
  type KubernetesId,
  parseKubernetesId,
} from './kubernetes-application.ts';

const paths = { job: 'apis/batch/v1', pod: 'api/v1' } as const;

/** One look: the application, and the uid that tells it from a later one of the same name. */
type Look = { application: Application; isKnown: boolean; uid?: string | undefined };

export class KubernetesCluster implements ClusterClient {
  readonly name: string;
  readonly kind = 'kubernetes';
  readonly session: ClusterSession;
  private readonly config: KubernetesClusterConfig;
  private readonly surroundings: ClusterSurroundings;

  constructor(name: string, config: KubernetesClusterConfig, surroundings: ClusterSurroundings) {
    this.name = name;
    this.config = config;
    this.surroundings = surroundings;
    this.session = new ClusterSession({ name, timings: config, placeOf: () => this.place() }, surroundings);
  }

  async find(id: string, signal?: AbortSignal): Promise<Application> {
    const parsed = parseKubernetesId(id);
    return parsed === undefined ? unknownApplication(id) : (await this.look(id, parsed, signal)).application;
  }

  async findByTag(tag: string, signal?: AbortSignal): Promise<readonly Application[]> {
    const namespace = await this.namespace();
    const list = async <S extends z.ZodType>(kind: KubernetesId['kind'], schema: S): Promise<z.output<S>> => {
      const selector = encodeURIComponent(`${attemptLabel}=${tag}`);
      const path = `${pathOf({ kind, namespace })}?labelSelector=${selector}`;
      const answer = await this.session.ask({ method: 'GET', path, signal });
      this.checkAllowed(answer);
      return parseAnswer(schema, answer, this.name);
    };
    const [jobs, pods] = await Promise.all([list('job', kubernetesJobsSchema), list('pod', kubernetesPodsSchema)]);
    return [
      ...jobs.items.map((job) => applicationOfJob(job, namespace)),
      ...pods.items.filter((pod) => !isOwned(pod)).map((pod) => applicationOfPod(pod, namespace)),
    ];
  }

  async kill(id: string, signal?: AbortSignal): Promise<KillAnswer> {
    const parsed = parseKubernetesId(id);
    if (parsed === undefined) return { kind: 'unknown', application: unknownApplication(id) };
    const { clock } = this.surroundings;
    let uid: string | undefined;
    const killOnce = async (): Promise<Look> => {
      const seen = await this.look(id, parsed, signal);
      // What was deleted here and is gone, or replaced by another of its name, has ended.
      const isGone = uid !== undefined && (!seen.isKnown || seen.uid !== uid);
      if (isGone) return { application: { ...unknownApplication(id), state: 'killed', hasEnded: true }, isKnown: true };
      if (!seen.isKnown || seen.application.hasEnded) return seen;
      uid = seen.uid;
      await this.remove(parsed, uid, signal);
      return seen;
    };
    return await killUntilEnded(killOnce, this.config, { clock, signal });
  }

  private async look(id: string, parsed: KubernetesId, signal: AbortSignal | undefined): Promise<Look> {
    const answer = await this.session.ask({ method: 'GET', path: pathOf(parsed), signal });
    if (this.isUnknown(answer)) return { application: unknownApplication(id), isKnown: false };
    if (parsed.kind === 'job') {
      const job = parseAnswer(kubernetesJobSchema, answer, this.name);
      return { application: applicationOfJob(job, parsed.namespace), isKnown: true, uid: job.metadata.uid };
    }
    const pod = parseAnswer(kubernetesPodSchema, answer, this.name);
    return { application: applicationOfPod(pod, parsed.namespace), isKnown: true, uid: pod.metadata.uid };
  }

  /** In the foreground: a Job is there until its pods are gone. */
  private async remove(id: KubernetesId, uid: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const body = { propagationPolicy: 'Foreground', ...(uid === undefined ? {} : { preconditions: { uid } }) };
    const answer = await this.session.ask({ method: 'DELETE', path: pathOf(id), body, signal });
    // 409: another one of that name by now. The next look tells.
    if (answer.status !== 409) this.isUnknown(answer);
  }

  /** Only the API itself does not know an object: a gateway says 404 too. */
  private isUnknown(answer: ClusterAnswer): boolean {
    this.checkAllowed(answer);
    if (answer.status < 400) return false;
    if (answer.status === 404 && answerAs(kubernetesFaultSchema, answer)?.reason === 'NotFound') return true;
    throw invalid(answer, this.name);
  }

  private checkAllowed(answer: ClusterAnswer): void {
    if (answer.status !== 401 && answer.status !== 403) return;
    throw refused(this.name, answer, answerAs(kubernetesFaultSchema, answer)?.message);
  }

  /** Where Jobs and pods are, if nothing else is said. */
  async namespace(): Promise<string> {
    return this.config.namespace ?? (await this.kubeconfigPlace())?.namespace ?? 'default';
  }

  private async place() {
    return (await this.kubeconfigPlace()) ?? (await configuredPlace(this.name, this.config));
  }

  private async kubeconfigPlace() {
    const { kubeconfig, context, caFile, tokenFile } = this.config;
    return kubeconfig === undefined
      ? undefined
      : await placeOfKubeconfig({ path: kubeconfig, context, caFile, tokenFile });
  }
}

function pathOf({ kind, namespace, name }: Omit<KubernetesId, 'name'> & { name?: string }): string {
  const collection = `${paths[kind]}/namespaces/${namespace}/${kind}s`;
  return name === undefined ? collection : `${collection}/${name}`;
}
