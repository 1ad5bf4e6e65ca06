/** What a worker asks of Kubernetes to run a Job: to make it, and to read what its pods say. */
import type { ClusterClient } from './cluster-client.port.ts';

export type JobOrder = {
  name: string;
  /** Absent: that of the configuration. */
  namespace?: string | undefined;
  /** `spec` of the Job, as Kubernetes wants it. */
  spec: object;
  labels: Readonly<Record<string, string>>;
};

/** Whole lines, and when the last one was written: nanoseconds since 1970. */
export type JobLog = { text: string; lastAt: bigint | undefined };

/** Faults as those of `ClusterClient`. */
export interface JobRunner extends Pick<ClusterClient, 'find' | 'kill'> {
  /** The id that a Job of that name has. */
  idOf(order: Pick<JobOrder, 'name' | 'namespace'>): Promise<string>;
  /** Makes the Job; harmless when it was made before. @throws AppError TASK_START_FAILED when Kubernetes does not take it */
  create(order: JobOrder, signal?: AbortSignal): Promise<void>;
  /** What its pods have written after a time; nothing while there is none, or when it cannot be read. */
  log(id: string, after: bigint | undefined, signal?: AbortSignal): Promise<JobLog>;
  /** Exit code of the container of its last pod, if it has ended. */
  exitCode(id: string, signal?: AbortSignal): Promise<number | undefined>;
}

/** @throws AppError CLUSTER_UNKNOWN */
export type JobRunners = (cluster: string) => JobRunner;
