/** The configuration in a form that may be logged. */
import type { Config } from '../../schemas/config.schema.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import { maskAddress } from './mask-secrets.ts';

/** All settings as they were resolved, with the credentials in addresses masked. */
export function describeConfig(config: Config): JsonRecord {
  const { nats, store, clusters, ...rest } = config;
  const masked = {
    ...rest,
    nats: { ...nats, servers: nats.servers.map(maskAddress) },
    store: {
      ...store,
      ...(store.connectionString === undefined ? {} : { connectionString: maskAddress(store.connectionString) }),
    },
    clusters: Object.fromEntries(
      Object.entries(clusters).map(([name, cluster]) => [
        name,
        { ...cluster, addresses: cluster.addresses.map(maskAddress) },
      ]),
    ),
  };
  // Drops absent settings; the schema admits JSON values only.
  return JSON.parse(JSON.stringify(masked)) as JsonRecord;
}
