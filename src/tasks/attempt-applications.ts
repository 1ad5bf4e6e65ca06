/**
 * What an attempt starts on a cluster: its task names the cluster, and perhaps the client whose words tell of it. The other way
 * to tell is the file of MILLRACE_APPLICATIONS.
 */
import { join } from 'node:path';
import type { FoundApplication } from '../../schemas/clusters/application.schema.ts';
import { type ClientName, kindOfApplication } from '../../schemas/clusters/application-ids.ts';
import type { ClusterConfig } from '../../schemas/config.schema.ts';
import { type ApplicationFile, followApplicationFile, makeApplicationFile } from '../clusters/application-file.ts';
import type { AttemptContext } from './task-type.port.ts';

/** Where a task submits, and with which client. Without a client only the file tells. */
export type Submission = { cluster: string; client?: ClientName | undefined };

type Settings = { cluster?: string | undefined; client?: ClientName | undefined };

/** Of a task that may submit, or not. */
export function submissionOf({ cluster, client }: Settings): Submission | undefined {
  return cluster === undefined ? undefined : { cluster, client };
}

/** The clusters of the configuration, by name. */
export type KnownClusters = Readonly<Record<string, ClusterConfig>>;

export type ApplicationWatch = {
  /** The file of MILLRACE_APPLICATIONS. */
  readonly path: string;
  found(id: string): void;
  /** All that were found, in their order. */
  readonly ids: readonly string[];
  /** The attempt has ended: what the file holds by now is told. */
  finish(): void;
};

/** Before the attempt starts, the file is made; an adopted one has it. */
export function watchApplications(
  context: AttemptContext,
  { cluster }: Submission,
  { clusters, isNew }: { clusters: KnownClusters; isNew: boolean },
): ApplicationWatch {
  const path = join(context.folder().root, 'applications');
  if (isNew) makeApplicationFile(path);
  const ids: string[] = [];
  const found = (id: string): void => {
    if (!ids.includes(id)) ids.push(id);
    context.foundApplication(describedApplication(cluster, id, clusters));
  };
  const file: ApplicationFile = followApplicationFile(path, context.clock, found);
  return { path, found, ids, finish: file.finish };
}

/** What the configuration says of it. */
export function describedApplication(cluster: string, id: string, clusters: KnownClusters): FoundApplication {
  const kind = kindOfApplication(id);
  const config = clusters[cluster];
  if (config?.kind !== 'yarn' || kind !== 'yarn') return { kind, id, cluster };
  const page = new URL(`cluster/app/${id}`, slashed(config.addresses[0] ?? ''));
  return { kind, id, cluster, trackingUrl: page.href };
}

const slashed = (address: string) => (address.endsWith('/') ? address : `${address}/`);
