/** Masters and workers of one process over the memory twins: real services, no servers. */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSchema } from '../../schemas/config.schema.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { Incarnation, InstanceId, MasterId, WorkerId, WorkflowName } from '../../schemas/ids.ts';
import { type Receipt, type RunReply, receiptSchema, runReplySchema } from '../../schemas/messages/client.messages.ts';
import { buckets, subjects } from '../../schemas/messages/subjects.ts';
import { createMemoryBucketStore } from '../../src/buckets/memory-bucket.adapter.ts';
import { systemClock, systemIds } from '../../src/clock/system-clock.adapter.ts';
import { instanceStream } from '../../src/journal/codec.ts';
import { createMemoryStore } from '../../src/journal/memory-journal.adapter.ts';
import { MasterService } from '../../src/master/master.service.ts';
import { openRunIndex } from '../../src/runs/sqlite-run-index.adapter.ts';
import { createScriptTaskType } from '../../src/tasks/script.task-type.ts';
import { createShellTaskType } from '../../src/tasks/shell.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import { waitTaskType } from '../../src/tasks/wait.task-type.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import { createMemoryLedger } from '../../src/worker/memory-ledger.adapter.ts';
import { createWorkerService, type WorkerService } from '../../src/worker/worker.service.ts';

const clock = systemClock;
const ids = systemIds;

/** Short intervals, so that tests need not wait. */
const config = configSchema.parse({
  master: {
    heartbeatIntervalMs: 50,
    memberTtlMs: 400,
    offerTimeoutMs: 300,
    holdReportDelayMs: 50,
    lazyAppendDelayMs: 5,
  },
  worker: {
    heartbeatIntervalMs: 50,
    reportRetryDelayMs: 50,
    reportRetryDelayMaxMs: 200,
    slots: 8,
    drainDeadlineMs: 200,
  },
});

export type MemoryCluster = Awaited<ReturnType<typeof createMemoryCluster>>;

export async function createMemoryCluster() {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-cluster-'));
  const network = createMemoryNetwork({ clock });
  const store = createMemoryStore({ clock });
  const bucketStore = createMemoryBucketStore({ clock });
  const members = await bucketStore.open(buckets.members, { ttlMs: config.master.memberTtlMs, replicas: 1 });
  const claims = await bucketStore.open(buckets.claims, { ttlMs: 0, replicas: 1 });
  const client = network.connect('client');
  const masters = new Map<string, MasterService>();
  const workers = new Map<string, WorkerService>();
  const ledgers = new Map<string, ReturnType<typeof createMemoryLedger>>();

  const startMaster = async (id: string) => {
    const master = new MasterService({
      id: id as MasterId,
      incarnation: randomUUID() as Incarnation,
      host: 'here',
      config: config.master,
      transport: network.connect(id),
      journal: store.connect(),
      members,
      claims,
      index: openRunIndex(':memory:'),
      clock,
      ids,
      load: () => ({ cpu: 0, memory: 0 }),
      log: silentLog,
    });
    masters.set(id, master);
    await master.start();
    await master.whenCurrent();
    return master;
  };
  const startWorker = async (id: string, options: { group?: string; slots?: number } = {}) => {
    const ledger = ledgers.get(id) ?? createMemoryLedger();
    ledgers.set(id, ledger);
    const worker = createWorkerService({
      id: id as WorkerId,
      incarnation: randomUUID() as Incarnation,
      host: 'here',
      pid: process.pid,
      config: configSchema.parse({
        worker: { ...config.worker, groups: [options.group ?? 'default'], slots: options.slots ?? config.worker.slots },
      }).worker,
      dataDir: join(dataDir, id),
      transport: network.connect(id),
      members,
      taskTypes: [
        createScriptTaskType({ crashWorker: () => network.kill(id) }),
        createShellTaskType({ processes: systemProcessTable, baseEnvironment: process.env }),
        waitTaskType,
      ],
      ledger,
      processes: systemProcessTable,
      machineLoad: { measure: () => ({ cpu: 0, memory: 0 }) },
      clock,
      ids,
      log: silentLog,
    });
    workers.set(id, worker);
    await worker.start();
    return worker;
  };
  /** The process is gone at once, as after kill -9. */
  const kill = (id: string) => {
    network.kill(id);
    void workers.get(id)?.stop(0);
    void masters.get(id)?.stop(0);
    workers.delete(id);
    masters.delete(id);
  };
  const ask = async (subject: string, body: unknown): Promise<unknown> => {
    const result = await client.request(subject, body, { timeoutMs: 5_000 });
    if (result.kind !== 'answer') throw new Error(`${subject}: ${result.kind}`);
    return result.body;
  };
  /** Resolves when every master knows this many masters. */
  const whenKnown = async (masterCount: number): Promise<void> => {
    for (let agreed = 0; agreed < masters.size * 2; ) {
      const { members: known } = (await ask(subjects.query('cluster'), {})) as { members: { kind: string }[] };
      agreed = known.filter(({ kind }) => kind === 'master').length === masterCount ? agreed + 1 : 0;
    }
  };
  const show = async (instance: InstanceId): Promise<RunReply> =>
    runReplySchema.parse(await ask(subjects.query('run'), { instance }));

  return {
    store,
    network,
    client,
    claims,
    startMaster,
    startWorker,
    whenKnown,
    /** As SIGTERM does it. */
    stopMaster: async (id: string) => {
      await masters.get(id)?.stop(2_000);
      masters.delete(id);
    },
    kill,
    ask,
    show,
    register: async (definition: WorkflowDefinition) => {
      const reply = await ask(subjects.register, { definition });
      if (errorReplySchema.safeParse(reply).success) throw new Error(JSON.stringify(reply));
    },
    submit: async (workflow: string, body: object = {}): Promise<Receipt> =>
      receiptSchema.parse(await ask(subjects.submit(workflow as WorkflowName), body)),
    /** Resolves when the run has ended. */
    whenEnded: async (instance: InstanceId, timeoutMs = 10_000): Promise<RunReply> => {
      const deadlineAt = Date.now() + timeoutMs;
      while (true) {
        const reply = await show(instance);
        if (reply.run.finishedAt !== undefined) return reply;
        if (Date.now() > deadlineAt) {
          throw new Error(`the run has not ended: ${JSON.stringify(reply.counts)} ${JSON.stringify(reply.tasks)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    eventsOf: (instance: InstanceId) => store.eventsOf(instanceStream(instance)),
    stop: async () => {
      await Promise.all([...workers.values()].map((worker) => worker.stop(200)));
      await Promise.all([...masters.values()].map((master) => master.stop(200)));
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
