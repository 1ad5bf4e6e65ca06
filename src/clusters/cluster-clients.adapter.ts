/** A client for each cluster of the configuration. */
import type { ClusterConfig } from '../../schemas/config.schema.ts';
import { nearestName } from '../definitions/nearest-name.ts';
import { AppError } from '../errors/app-error.ts';
import type { ClusterClient, ClusterClients } from './cluster-client.port.ts';
import type { ClusterSurroundings } from './cluster-session.ts';
import { KubernetesCluster } from './kubernetes-cluster.adapter.ts';
import { createYarnCluster } from './yarn-cluster.adapter.ts';

export function createClusterClients(
  configured: Readonly<Record<string, ClusterConfig>>,
  surroundings: ClusterSurroundings,
): ClusterClients {
  const clients = new Map(
    Object.entries(configured).map(([name, config]) => [name, clientOf(name, config, surroundings)]),
  );
  return {
    named: (name) => {
      const client = clients.get(name);
      if (client !== undefined) return client;
      const nearest = nearestName(name, clients.keys());
      const remedy = nearest === undefined ? 'Add it under "clusters".' : `Did you mean "${nearest}"?`;
      throw new AppError('CLUSTER_UNKNOWN', `the configuration has no cluster "${name}". ${remedy}`);
    },
  };
}

function clientOf(name: string, config: ClusterConfig, surroundings: ClusterSurroundings): ClusterClient {
  switch (config.kind) {
    case 'yarn':
      return createYarnCluster(name, config, surroundings);
    case 'kubernetes':
      return new KubernetesCluster(name, config, surroundings);
  }
}
