/** Cluster configurations of tests: short waits, and the surroundings of a process. */
import { type ClusterConfig, clusterConfigSchema } from '../../schemas/config.schema.ts';
import { systemClock, systemIds } from '../../src/clock/system-clock.adapter.ts';
import type { ClusterClient } from '../../src/clusters/cluster-client.port.ts';
import { createClusterClients } from '../../src/clusters/cluster-clients.adapter.ts';
import { silentLog } from '../../src/telemetry/log.ts';

export const surroundings = { clock: systemClock, ids: systemIds, log: silentLog };

export function clusterConfig(said: object): ClusterConfig {
  return clusterConfigSchema.parse({ retryDelayMs: 1, killRepeatIntervalMs: 1, ...said });
}

/** The client that the configuration of one cluster makes. */
export function clusterNamed(name: string, said: object): ClusterClient {
  return createClusterClients({ [name]: clusterConfig(said) }, surroundings).named(name);
}
