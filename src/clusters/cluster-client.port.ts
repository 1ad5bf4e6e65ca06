/** What masters and workers ask of a cluster: how an application is, which ones bear a tag, and that one ends. */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { ClusterConfig } from '../../schemas/config.schema.ts';

export type KillAnswer =
  /** Seen at the cluster: nothing of it runs any more, however it ended. */
  | { kind: 'ended'; application: Application }
  /** Asked for, and not yet seen within the limit. To be asked again. */
  | { kind: 'pending'; application: Application }
  /** The cluster does not know it, or not any more. */
  | { kind: 'unknown'; application: Application };

/**
 * Each method asks again when an address does not answer, and throws AppError: CLUSTER_UNREACHABLE when none did,
 * CLUSTER_REFUSED when the user may not, CLUSTER_ANSWER_INVALID when what answers is no such cluster. What it throws
 * says nothing of the application. `signal` gives the question up.
 */
export interface ClusterClient {
  readonly name: string;
  readonly kind: ClusterConfig['kind'];
  /** One that the cluster does not know has the state `unknown`. */
  find(id: string, signal?: AbortSignal): Promise<Application>;
  /** All that bear the tag, ended ones too as long as the cluster remembers them. */
  findByTag(tag: string, signal?: AbortSignal): Promise<readonly Application[]>;
  /** Ends it, and waits until the cluster says that it has ended. Harmless when it has, and when called again. */
  kill(id: string, signal?: AbortSignal): Promise<KillAnswer>;
}

/** The clusters of the configuration. */
export interface ClusterClients {
  /** @throws AppError CLUSTER_UNKNOWN */
  named(name: string): ClusterClient;
}
