/** A master as a process: adapters wired, started, stopped. */
import { join } from 'node:path';
import { masterIdSchema } from '../../schemas/ids.ts';
import { buckets, subjects } from '../../schemas/messages/subjects.ts';
import { createNatsBucketStore } from '../buckets/nats-bucket.adapter.ts';
import type { RoleOptions } from '../cli/cli-deps.ts';
import { systemClock, systemIds } from '../clock/system-clock.adapter.ts';
import { createClusterClients } from '../clusters/cluster-clients.adapter.ts';
import { AppError } from '../errors/app-error.ts';
import { openEventStoreDbJournal } from '../journal/eventstoredb-journal.adapter.ts';
import { MasterService } from '../master/master.service.ts';
import { openRunIndex } from '../runs/sqlite-run-index.adapter.ts';
import { loadPlugins } from '../tasks/plugin/package-plugins.adapter.ts';
import { createPinoLog } from '../telemetry/pino-log.adapter.ts';
import { connectNatsTransport } from '../transport/nats-transport.adapter.ts';
import { createOsMachineLoad } from '../worker/os-machine-load.adapter.ts';
import { defaultNodeId, folderOf, hostOf, newIncarnation, refuseDouble } from './node-identity.ts';
import { endWithParent, tellReady, whenToldToStop } from './process-end.ts';

const stopDeadlineMs = 10_000;

export async function runMaster({ config }: RoleOptions): Promise<number> {
  endWithParent();
  const id = masterIdSchema.parse(config.master.id ?? defaultNodeId());
  const log = createPinoLog({ level: config.logLevel, pretty: process.stderr.isTTY === true }).child({ masterId: id });
  const { connectionString, ...appendLimits } = config.store;
  if (connectionString === undefined) {
    throw new AppError('BAD_CONFIGURATION', 'a master needs an event store; name one with --store esdb://host:2113');
  }
  const plugins = await loadPlugins(config.plugins, process.cwd());
  const { servers, credentialsFile, replicas } = config.nats;
  const name = `millrace-master-${id}`;
  const transport = await connectNatsTransport({ servers, name, log, ...(credentialsFile && { credentialsFile }) });
  await refuseDouble(transport, subjects.master.ping(id), `master named ${id}`);
  const bucketStore = createNatsBucketStore({ link: transport.link, log });
  const load = createOsMachineLoad();
  const index = openRunIndex(join(folderOf(config, 'masters', id), 'runs.sqlite'));
  const journal = openEventStoreDbJournal({ connectionString, ...appendLimits, clock: systemClock, log });
  const master = new MasterService({
    id,
    incarnation: newIncarnation(),
    host: hostOf(config),
    config: config.master,
    transport,
    journal,
    members: await bucketStore.open(buckets.members, { ttlMs: config.master.memberTtlMs, replicas }),
    claims: await bucketStore.open(buckets.claims, { ttlMs: 0, replicas }),
    index,
    clock: systemClock,
    ids: systemIds,
    load: () => load.measure(),
    plugins,
    clusters: config.clusters,
    clusterClients: createClusterClients(config.clusters, { clock: systemClock, ids: systemIds, log }),
    log,
  });
  await master.start();
  tellReady();
  await whenToldToStop();
  await master.stop(stopDeadlineMs);
  await journal.stop(stopDeadlineMs);
  await transport.stop(stopDeadlineMs);
  index.close();
  return 0;
}
