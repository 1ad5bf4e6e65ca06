/** A worker with fakes around it: a stepped clock, a network in memory, and masters that keep what they are told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSchema, type WorkerConfig } from '../../schemas/config.schema.ts';
import { incarnationSchema, type MasterId, masterIdSchema, workerIdSchema } from '../../schemas/ids.ts';
import {
  type AttemptReport,
  type Offer,
  offerSchema,
  type ReportAck,
  type ReportBatch,
  reportBatchSchema,
} from '../../schemas/messages/attempt.messages.ts';
import { buckets, masterQueueGroup, subjects } from '../../schemas/messages/subjects.ts';
import type { Bucket } from '../../src/buckets/bucket.port.ts';
import { createMemoryBucketStore } from '../../src/buckets/memory-bucket.adapter.ts';
import type { Clock } from '../../src/clock/clock.port.ts';
import { createScriptTaskType } from '../../src/tasks/script/script.task-type.ts';
import { createShellTaskType } from '../../src/tasks/shell/shell.task-type.ts';
import { systemProcessTable } from '../../src/tasks/system-process-table.adapter.ts';
import type { TaskType } from '../../src/tasks/task-type.port.ts';
import { waitTaskType } from '../../src/tasks/wait/wait.task-type.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../src/transport/memory-transport.adapter.ts';
import type { IncomingMessage, Transport } from '../../src/transport/transport.port.ts';
import type { Ledger } from '../../src/worker/ledger.port.ts';
import { createMemoryLedger } from '../../src/worker/memory-ledger.adapter.ts';
import { createWorkerService, type WorkerService } from '../../src/worker/worker.service.ts';
import { newHost } from '../supervisor/supervised-host.ts';
import { createSteppedClock, type SteppedClock, testIds } from './stepped-clock.ts';

export const workerId = workerIdSchema.parse('worker-1');

/** Lets everything that is on its way arrive; no time passes on the stepped clock. */
export async function settle(turnCount = 12): Promise<void> {
  for (let turn = 0; turn < turnCount; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export type FakeMaster = {
  id: MasterId;
  transport: Transport;
  batches: ReportBatch[];
  /** What it answers to a batch; undefined for silence. */
  answer: (batch: ReportBatch) => ReportAck | undefined;
  reports(): AttemptReport[];
  ask(subject: string, body: unknown): Promise<unknown>;
};

export const ackAll = (batch: ReportBatch): ReportAck => ({
  acked: batch.reports.map(({ attemptId, sequence }) => ({ attemptId, sequence })),
  notOwner: [],
});

export const silence = (): undefined => undefined;

export function joinMaster(network: MemoryNetwork, name: string): FakeMaster {
  const id = masterIdSchema.parse(name);
  const transport = network.connect(name);
  const master: FakeMaster = {
    id,
    transport,
    batches: [],
    answer: ackAll,
    reports: () => master.batches.flatMap((batch) => batch.reports),
    ask: async (subject, body) => {
      const result = await transport.request(subject, body, { timeoutMs: 60_000 });
      return result.kind === 'answer' ? result.body : result.kind;
    },
  };
  const take = (message: IncomingMessage): void => {
    const batch = reportBatchSchema.parse(message.body);
    master.batches.push(batch);
    const ack = master.answer(batch);
    if (ack !== undefined && message.reply !== undefined) transport.publish(message.reply, ack);
  };
  transport.subscribe(subjects.master.report(id), take);
  transport.subscribe(subjects.masters.report, take, { queueGroup: masterQueueGroup });
  return master;
}

export type Harness = {
  clock: SteppedClock;
  network: MemoryNetwork;
  members: Bucket;
  ledger: Ledger;
  dataDir: string;
  incarnation: string;
  service: WorkerService;
  master: FakeMaster;
  offer(overrides?: OfferOverrides): Offer;
  /** Sends an offer from the master and returns the reply. */
  give(offer: unknown): Promise<unknown>;
  /** The process dies and another one starts with the same ledger and folder. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

export type OfferOverrides = { [Key in keyof Offer]?: unknown };

export type HarnessOptions = {
  worker?: Partial<WorkerConfig>;
  ledger?: Ledger;
  clock?: Clock;
  taskTypes?: TaskType[];
  /** Shell attempts run under a real supervisor; then `restart` is no good: kill a process instead. */
  supervised?: boolean;
  /** Default: the clock's. */
  monotonicNow?: () => number;
  /** Default: a new folder, which is removed at the end. */
  dataDir?: string;
  masterAnswer?: FakeMaster['answer'];
};

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const stepped = createSteppedClock();
  const clock = options.clock ?? stepped;
  const network = createMemoryNetwork({ clock });
  const members = await createMemoryBucketStore({ clock }).open(buckets.members, { ttlMs: 0, replicas: 1 });
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'worker-test-'));
  const ledger = options.ledger ?? createMemoryLedger();
  const master = joinMaster(network, 'master-1');
  if (options.masterAnswer !== undefined) master.answer = options.masterAnswer;
  const host = options.supervised ? newHost(dataDir) : undefined;
  let lifeCount = 0;

  const startLife = async () => {
    lifeCount += 1;
    const incarnation = incarnationSchema.parse(testIds.uuid());
    const service = createWorkerService({
      id: workerId,
      incarnation,
      host: 'host-1',
      pid: process.pid,
      config: configSchema.parse({ worker: options.worker ?? {} }).worker,
      dataDir,
      transport: network.connect(`worker-life-${lifeCount}`),
      members,
      taskTypes: options.taskTypes ?? [
        createScriptTaskType({ crashWorker: () => {} }),
        waitTaskType,
        createShellTaskType({ processes: systemProcessTable, baseEnvironment: process.env, ...(host && { host }) }),
      ],
      ledger,
      processes: systemProcessTable,
      machineLoad: { measure: () => ({ cpu: 0.25, memory: 0.5 }) },
      clock,
      ids: testIds,
      log: silentLog,
      ...(options.monotonicNow && { monotonicNow: options.monotonicNow }),
      ...(host && options.worker?.onLeaseLost === 'kill' && { onLeaseRenewed: host.renewLease }),
    });
    await service.start();
    await host?.endUnadopted();
    await settle();
    return { incarnation, service };
  };

  const harness: Harness = {
    clock: stepped,
    network,
    members,
    ledger,
    dataDir,
    ...(await startLife()),
    master,
    offer: (overrides = {}) => newOffer(harness, overrides),
    give: (offer) => master.ask(subjects.worker.offer(workerId), offer),
    restart: async () => {
      network.kill(`worker-life-${lifeCount}`);
      const next = await startLife();
      harness.incarnation = next.incarnation;
      harness.service = next.service;
    },
    close: async () => {
      const stopped = harness.service.stop(0);
      if (options.clock === undefined) await letTimePass(stepped);
      await stopped;
      await host?.stop(2_000);
      ledger.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return harness;
}

/** Enough for whatever waits for the clock at a stop. */
async function letTimePass(clock: ReturnType<typeof createSteppedClock>): Promise<void> {
  for (let step = 0; step < 20; step += 1) {
    await settle();
    clock.advance(1_000);
  }
}

function newOffer(harness: Harness, overrides: OfferOverrides): Offer {
  return offerSchema.parse({
    instance: testIds.uuid(),
    workflow: 'flow',
    epoch: 1,
    master: harness.master.id,
    host: 'host-m1',
    task: 'step',
    attemptId: testIds.uuid(),
    attempt: 1,
    workerIncarnation: harness.incarnation,
    settings: scripted({ afterMs: 0 }),
    env: {},
    inputs: { params: {}, needs: {} },
    ...overrides,
  });
}

export function scripted(step: { afterMs: number; result?: string; outputs?: object; message?: string }) {
  return { type: 'script', steps: [{ result: 'succeed', outputs: {}, ...step }] };
}
