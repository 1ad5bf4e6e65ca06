/** The Job of an attempt: named after it, so that it is made once, and labelled with it, so that it is found. */
import type { K8sSettings } from '../../../schemas/definition/k8s-settings.ts';
import type { JobOrder } from '../../clusters/job-runner.port.ts';
import { attemptLabel, containerName } from '../../clusters/kubernetes-application.ts';

/** Ended Jobs are removed by Kubernetes then. */
const keptSeconds = 86_400;

export function jobNameOf(attemptId: string): string {
  return `millrace-${attemptId}`;
}

/** @param settings in which placeholders are filled in */
export function jobOrderOf(
  settings: K8sSettings,
  { attemptId, environment }: { attemptId: string; environment: Readonly<Record<string, string>> },
): JobOrder {
  const labels = { ...settings.labels, [attemptLabel]: attemptId };
  return {
    name: jobNameOf(attemptId),
    namespace: settings.namespace,
    labels,
    spec: {
      // The run decides on further attempts.
      backoffLimit: 0,
      ttlSecondsAfterFinished: keptSeconds,
      template: { metadata: { labels }, spec: podSpec(settings, environment) },
    },
  };
}

function podSpec(settings: K8sSettings, environment: Readonly<Record<string, string>>): object {
  const { nodeSelector, pullSecret, serviceAccount } = settings;
  return {
    restartPolicy: 'Never',
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    containers: [container(settings, environment)],
  };
}

function container(settings: K8sSettings, environment: Readonly<Record<string, string>>): object {
  const { image, imagePullPolicy, command, args, cpu, cpuMax, memory, memoryMax } = settings;
  return {
    name: containerName,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    ...(command === undefined ? {} : { command }),
    ...(args.length === 0 ? {} : { args }),
    env: Object.entries(environment).map(([name, value]) => ({ name, value })),
    resources: { requests: amounts({ cpu, memory }), limits: amounts({ cpu: cpuMax, memory: memoryMax }) },
  };
}

function amounts(given: Record<string, string | undefined>): Record<string, string> {
  const known = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(known);
}
