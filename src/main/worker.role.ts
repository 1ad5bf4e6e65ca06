/** A worker as a process: adapters wired, started, stopped. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { workerIdSchema } from '../../schemas/ids.ts';
import { buckets, subjects } from '../../schemas/messages/subjects.ts';
import { createNatsBucketStore } from '../buckets/nats-bucket.adapter.ts';
import type { RoleOptions } from '../cli/cli-deps.ts';
import { systemClock, systemIds } from '../clock/system-clock.adapter.ts';
import { createClusterClients } from '../clusters/cluster-clients.adapter.ts';
import { createJobRunners } from '../clusters/kubernetes-jobs.adapter.ts';
import { baseEnvironment, processEnvironment } from '../config/environment.ts';
import { createConfiguredSecrets } from '../secrets/configured-secrets.adapter.ts';
import { createSupervisedCommandHost } from '../supervisor/supervised-command-host.adapter.ts';
import type { CommandTaskTypeOptions } from '../tasks/command-task.ts';
import { createFlinkTaskType } from '../tasks/flink/flink.task-type.ts';
import { httpTaskType } from '../tasks/http/http.task-type.ts';
import { createK8sTaskType } from '../tasks/k8s/k8s.task-type.ts';
import { createMapreduceTaskType } from '../tasks/mapreduce/mapreduce.task-type.ts';
import { natsTaskType } from '../tasks/nats/nats.task-type.ts';
import { loadPlugins } from '../tasks/plugin/package-plugins.adapter.ts';
import { createPluginTaskType } from '../tasks/plugin/plugin.task-type.ts';
import type { TaskPlugins } from '../tasks/plugin/task-plugin.port.ts';
import { createPythonTaskType } from '../tasks/python/python.task-type.ts';
import { createScriptTaskType } from '../tasks/script/script.task-type.ts';
import { createShellTaskType } from '../tasks/shell/shell.task-type.ts';
import { createSparkTaskType } from '../tasks/spark/spark.task-type.ts';
import { openMysqlSql } from '../tasks/sql/mysql-sql.adapter.ts';
import { openPostgresSql } from '../tasks/sql/postgres-sql.adapter.ts';
import { createSqlTaskType } from '../tasks/sql/sql.task-type.ts';
import { openSqliteSql } from '../tasks/sql/sqlite-sql.adapter.ts';
import { systemProcessTable } from '../tasks/system-process-table.adapter.ts';
import type { TaskType } from '../tasks/task-type.port.ts';
import { waitTaskType } from '../tasks/wait/wait.task-type.ts';
import { createYarnTaskType } from '../tasks/yarn/yarn.task-type.ts';
import type { Log } from '../telemetry/log.ts';
import { createPinoLog } from '../telemetry/pino-log.adapter.ts';
import { connectNatsTransport } from '../transport/nats-transport.adapter.ts';
import { createOsMachineLoad } from '../worker/os-machine-load.adapter.ts';
import { createSqliteLedger } from '../worker/sqlite-ledger.adapter.ts';
import { createWorkerService } from '../worker/worker.service.ts';
import { defaultNodeId, folderOf, hostOf, newIncarnation, refuseDouble } from './node-identity.ts';
import { endWithParent, tellReady, whenToldToStop } from './process-end.ts';
import { supervisorProgram } from './supervisor-program.ts';

const stopSlackMs = 5_000;
const hostStopDeadlineMs = 1_000;

export async function runWorker({ config }: RoleOptions): Promise<number> {
  endWithParent();
  const id = workerIdSchema.parse(config.worker.id ?? defaultNodeId());
  const log = createPinoLog({ level: config.logLevel, pretty: process.stderr.isTTY === true }).child({ workerId: id });
  const plugins = await loadPlugins(config.plugins, process.cwd());
  const { servers, credentialsFile, replicas } = config.nats;
  const name = `millrace-worker-${id}`;
  const transport = await connectNatsTransport({ servers, name, log, ...(credentialsFile && { credentialsFile }) });
  await refuseDouble(transport, subjects.worker.ping(id), `worker named ${id}`);
  const bucketStore = createNatsBucketStore({ link: transport.link, log });
  const dataDir = folderOf(config, 'workers', id);
  mkdirSync(dataDir, { recursive: true });
  const ledger = createSqliteLedger({ path: join(dataDir, 'ledger.sqlite') });
  const program = supervisorProgram(config.worker.supervisorIdleMs);
  const shared = { processes: systemProcessTable, clock: systemClock, log };
  const host = createSupervisedCommandHost({ dataDir, program, ...shared });
  warnOfLateLease(config, log);
  const { clusters } = config;
  const surroundings = { clock: systemClock, ids: systemIds, log };
  const clusterClients = createClusterClients(clusters, surroundings);
  const commands = { ...shared, host, baseEnvironment: baseEnvironment(), clusters, clusterClients };
  const worker = createWorkerService({
    id,
    incarnation: newIncarnation(),
    host: hostOf(config),
    pid: process.pid,
    config: config.worker,
    dataDir,
    transport,
    members: await bucketStore.open(buckets.members, { ttlMs: config.master.memberTtlMs, replicas }),
    taskTypes: [...taskTypesOf(commands, plugins), createK8sTaskType(createJobRunners(clusters, surroundings))],
    ledger,
    secrets: createConfiguredSecrets(config.worker.secrets, processEnvironment(), log),
    ...shared,
    machineLoad: createOsMachineLoad(),
    ids: systemIds,
    monotonicNow: () => performance.now(),
    // A worker that is frozen or dead cannot end its attempts: then the supervisor does.
    ...(config.worker.onLeaseLost === 'kill' && { onLeaseRenewed: host.renewLease }),
  });
  await worker.start();
  await host.endUnadopted();
  tellReady();
  await whenToldToStop();
  await worker.stop(config.worker.drainDeadlineMs + stopSlackMs);
  await host.stop(hostStopDeadlineMs);
  await transport.stop(stopSlackMs);
  ledger.close();
  return 0;
}

function taskTypesOf(commands: CommandTaskTypeOptions, plugins: TaskPlugins): TaskType[] {
  return [
    createShellTaskType(commands),
    createPythonTaskType(commands),
    createSparkTaskType(commands),
    createFlinkTaskType(commands),
    createMapreduceTaskType(commands),
    createYarnTaskType(commands),
    httpTaskType,
    createSqlTaskType({ sqlite: openSqliteSql, postgresql: openPostgresSql, mysql: openMysqlSql }),
    natsTaskType,
    createPluginTaskType(plugins),
    waitTaskType,
    createScriptTaskType({ crashWorker: () => process.kill(process.pid, 'SIGKILL') }),
  ];
}

function warnOfLateLease({ worker, master }: RoleOptions['config'], log: Log): void {
  if (worker.leaseLossMaxMs < master.workerAbsenceMaxMs) return;
  const fields = { leaseLossMaxMs: worker.leaseLossMaxMs, workerAbsenceMaxMs: master.workerAbsenceMaxMs };
  log.warn(fields, 'attempts may be given away before this worker has noticed that its lease is lost');
}
