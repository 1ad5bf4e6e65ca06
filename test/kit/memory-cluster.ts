/** Masters and workers of one process over the memory twins: real services, no servers. */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, configSchema } from '../../schemas/config.schema.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { Incarnation, InstanceId, MasterId, WorkerId, WorkflowName } from '../../schemas/ids.ts';
import { type Receipt, type RunReply, receiptSchema, runReplySchema } from '../../schemas/messages/client.messages.ts';
import { buckets, subjects } from '../../schemas/messages/subjects.ts';
import type { Bucket } from '../../src/buckets/bucket.port.ts';
import { createMemoryBucketStore } from '../../src/buckets/memory-bucket.adapter.ts';
import type { Clock } from '../../src/clock/clock.port.ts';
import { systemClock, systemIds } from '../../src/clock/system-clock.adapter.ts';
import { instanceStream } from '../../src/journal/codec.ts';
import type { RecordedEvent } from '../../src/journal/journal.port.ts';
import { createMemoryStore } from '../../src/journal/memory-journal.adapter.ts';
import { MasterService } from '../../src/master/master.service.ts';
import { openRunIndex } from '../../src/runs/sqlite-run-index.adapter.ts';
import { createScriptTaskType } from '../../src/tasks/script/script.task-type.ts';
import { createShellTaskType } from '../../src/tasks/shell/shell.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import { waitTaskType } from '../../src/tasks/wait/wait.task-type.ts';
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
    workerAbsenceMaxMs: 400,
    offerTimeoutMs: 300,
    holdReportDelayMs: 50,
    lazyAppendDelayMs: 5,
    actorCheckIntervalMs: 200,
    slotRepeatIntervalMs: 100,
    overdueCheckIntervalMs: 200,
  },
  worker: {
    heartbeatIntervalMs: 50,
    reportRetryDelayMs: 50,
    reportRetryDelayMaxMs: 200,
    slots: 8,
    drainDeadlineMs: 200,
  },
});

/** Masters and workers of one process, on the memory twins of everything between them. */
export class MemoryCluster {
  readonly network = createMemoryNetwork({ clock });
  readonly store = createMemoryStore({ clock });
  readonly claims: Bucket;
  readonly #members: Bucket;
  readonly #masterConfig: Config['master'];
  readonly #client = this.network.connect('client');
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'millrace-cluster-'));
  readonly #masters = new Map<string, MasterService>();
  readonly #workers = new Map<string, WorkerService>();
  readonly #ledgers = new Map<string, ReturnType<typeof createMemoryLedger>>();

  private constructor(members: Bucket, claims: Bucket, masterConfig: Config['master']) {
    this.#members = members;
    this.claims = claims;
    this.#masterConfig = masterConfig;
  }

  static async create(ofMasters: Partial<Config['master']> = {}): Promise<MemoryCluster> {
    const bucketStore = createMemoryBucketStore({ clock });
    const members = await bucketStore.open(buckets.members, { ttlMs: config.master.memberTtlMs, replicas: 1 });
    const claims = await bucketStore.open(buckets.claims, { ttlMs: 0, replicas: 1 });
    return new MemoryCluster(members, claims, { ...config.master, ...ofMasters });
  }

  /** @param masterClock its own sight of time: for a fault of this master alone */
  async startMaster(id: string, masterClock: Clock = clock): Promise<void> {
    const master = new MasterService({
      id: id as MasterId,
      incarnation: randomUUID() as Incarnation,
      host: 'here',
      config: this.#masterConfig,
      transport: this.network.connect(id),
      journal: this.store.connect(),
      members: this.#members,
      claims: this.claims,
      index: openRunIndex(':memory:'),
      clock: masterClock,
      ids,
      load: () => ({ cpu: 0, memory: 0 }),
      log: silentLog,
    });
    this.#masters.set(id, master);
    await master.start();
    await master.whenCurrent();
  }

  async startWorker(
    id: string,
    options: { group?: string; slots?: number; secrets?: Record<string, string> } = {},
  ): Promise<void> {
    const ledger = this.#ledgers.get(id) ?? createMemoryLedger();
    this.#ledgers.set(id, ledger);
    const { slots = config.worker.slots, group = 'default', secrets = {} } = options;
    const worker = createWorkerService({
      id: id as WorkerId,
      incarnation: randomUUID() as Incarnation,
      host: 'here',
      pid: process.pid,
      config: configSchema.parse({ worker: { ...config.worker, groups: [group], slots } }).worker,
      dataDir: join(this.#dataDir, id),
      transport: this.network.connect(id),
      members: this.#members,
      taskTypes: [
        createScriptTaskType({ crashWorker: () => this.network.kill(id) }),
        createShellTaskType({ processes: systemProcessTable, baseEnvironment: process.env }),
        waitTaskType,
      ],
      ledger,
      processes: systemProcessTable,
      secrets: { find: (name) => secrets[name] },
      machineLoad: { measure: () => ({ cpu: 0, memory: 0 }) },
      clock,
      ids,
      log: silentLog,
    });
    this.#workers.set(id, worker);
    await worker.start();
  }

  /** As SIGTERM does it. */
  async stopMaster(id: string): Promise<void> {
    await this.#masters.get(id)?.stop(2_000);
    this.#masters.delete(id);
  }

  /** The process is gone at once, as after kill -9. */
  kill(id: string): void {
    this.network.kill(id);
    void this.#workers.get(id)?.stop(0);
    void this.#masters.get(id)?.stop(0);
    this.#workers.delete(id);
    this.#masters.delete(id);
  }

  async ask(subject: string, body: unknown): Promise<unknown> {
    const result = await this.#client.request(subject, body, { timeoutMs: 5_000 });
    if (result.kind !== 'answer') throw new Error(`${subject}: ${result.kind}`);
    return result.body;
  }

  /** Resolves when every master knows this many masters. */
  async whenKnown(masterCount: number): Promise<void> {
    for (let agreed = 0; agreed < this.#masters.size * 2; ) {
      const { members } = (await this.ask(subjects.query('cluster'), {})) as { members: { kind: string }[] };
      agreed = members.filter(({ kind }) => kind === 'master').length === masterCount ? agreed + 1 : 0;
    }
  }

  async show(instance: InstanceId): Promise<RunReply> {
    return runReplySchema.parse(await this.ask(subjects.query('run'), { instance }));
  }

  async register(definition: WorkflowDefinition): Promise<void> {
    const reply = await this.ask(subjects.register, { definition });
    if (errorReplySchema.safeParse(reply).success) throw new Error(JSON.stringify(reply));
  }

  async submit(workflow: string, body: object = {}): Promise<Receipt> {
    return receiptSchema.parse(await this.ask(subjects.submit(workflow as WorkflowName), body));
  }

  /** Resolves when the run has ended. */
  async whenEnded(instance: InstanceId, timeoutMs = 20_000): Promise<RunReply> {
    const deadlineAt = Date.now() + timeoutMs;
    while (true) {
      const reply = await this.show(instance);
      if (reply.run.finishedAt !== undefined) return reply;
      if (Date.now() > deadlineAt) throw new Error(`the run has not ended: ${JSON.stringify(reply)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  eventsOf(instance: InstanceId): RecordedEvent[] {
    return this.store.eventsOf(instanceStream(instance));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop(200)));
    await Promise.all([...this.#masters.values()].map((master) => master.stop(200)));
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
