/** A Job or a pod of Kubernetes in our words. Its id says what it is and where: `job/<namespace>/<name>`. */

import type { Application, ApplicationState } from '../../schemas/clusters/application.schema.ts';
import { kubernetesIdPattern } from '../../schemas/clusters/application-ids.ts';
import type { KubernetesJob, KubernetesPod } from '../../schemas/clusters/kubernetes-answers.schema.ts';
import { diagnosticsLengthMax, shortened } from './cluster-answers.ts';

/** The label that holds the tag. */
export const attemptLabel = 'millrace/attempt';
/** The one container of the pods of our Jobs. */
export const containerName = 'main';

export type KubernetesId = { kind: 'job' | 'pod'; namespace: string; name: string };

const podStates: Readonly<Record<string, ApplicationState>> = {
  Pending: 'accepted',
  Running: 'running',
  Succeeded: 'succeeded',
  Failed: 'failed',
};
const endStates: ReadonlySet<ApplicationState> = new Set(['succeeded', 'failed']);

/** Undefined when it is no id of ours. */
export function parseKubernetesId(id: string): KubernetesId | undefined {
  const [, kind, namespace, name] = kubernetesIdPattern.exec(id) ?? [];
  if (kind === undefined || namespace === undefined || name === undefined) return undefined;
  return { kind: kind as KubernetesId['kind'], namespace, name }; // The pattern admits no other.
}

export function applicationOfJob(job: KubernetesJob, fallback: string): Application {
  const { active, ready, conditions } = job.status ?? {};
  const isTrue = (type: string) => conditions?.find((one) => one.type === type && one.status === 'True');
  const failure = isTrue('Failed');
  const isEnded = failure !== undefined || isTrue('Complete') !== undefined;
  const endState = failure === undefined ? 'succeeded' : 'failed';
  // Older servers do not count the pods that are ready.
  const isRunning = (active ?? 0) > 0 && ready !== 0;
  return {
    ...applicationOf('job', job, fallback),
    state: isEnded ? endState : isRunning ? 'running' : 'accepted',
    hasEnded: isEnded,
    ...diagnosticsOf(failure),
  };
}

export function applicationOfPod(pod: KubernetesPod, fallback: string): Application {
  const state = podStates[pod.status?.phase ?? 'Pending'] ?? 'unknown';
  return {
    ...applicationOf('pod', pod, fallback),
    state,
    hasEnded: endStates.has(state),
    ...diagnosticsOf(pod.status),
  };
}

/** Those that a Job or another pod made belong to that one. */
export function isOwned({ metadata }: KubernetesPod): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'Job' || kind === 'Pod') ?? false;
}

function applicationOf(
  kind: KubernetesId['kind'],
  { metadata }: KubernetesJob | KubernetesPod,
  namespace: string,
): Pick<Application, 'id' | 'name' | 'tags'> {
  const tag = metadata.labels?.[attemptLabel];
  const id = `${kind}/${metadata.namespace ?? namespace}/${metadata.name}`;
  return { id, name: metadata.name, tags: tag === undefined ? [] : [tag] };
}

function diagnosticsOf(said: { reason?: string | undefined; message?: string | undefined } | null | undefined) {
  const text = [said?.reason, said?.message].filter((part) => part !== undefined && part !== '').join(': ');
  return text === '' ? {} : { diagnostics: shortened(text, diagnosticsLengthMax) };
}
