/**
 * What one no-op attempt costs a worker: offer, commit, accept, start, end, report, ack, settle, with the SQLite ledger.
 * The floor is the same exchange of messages with a worker that only echoes. Run: `node --import tsx <this file>`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configSchema } from '../schemas/config.schema.ts';
import { incarnationSchema, masterIdSchema, workerIdSchema } from '../schemas/ids.ts';
import { type Offer, offerSchema, type ReportBatch } from '../schemas/messages/attempt.messages.ts';
import { subjects } from '../schemas/messages/subjects.ts';
import { createMemoryBucketStore } from '../src/buckets/memory-bucket.adapter.ts';
import { systemClock, systemIds } from '../src/clock/system-clock.adapter.ts';
import { createScriptTaskType } from '../src/tasks/script/script.task-type.ts';
import { systemProcessTable } from '../src/tasks/system-process-table.adapter.ts';
import { silentLog } from '../src/telemetry/log.ts';
import { createMemoryNetwork } from '../src/transport/memory-transport.adapter.ts';
import type { Transport } from '../src/transport/transport.port.ts';
import { createOsMachineLoad } from '../src/worker/os-machine-load.adapter.ts';
import { createSqliteLedger } from '../src/worker/sqlite-ledger.adapter.ts';
import { createWorkerService } from '../src/worker/worker.service.ts';

const worker = workerIdSchema.parse('bench-worker');
const master = masterIdSchema.parse('bench-master');
const incarnation = incarnationSchema.parse(systemIds.uuid());
const attemptCount = Number(process.env.ATTEMPTS ?? 50_000);
const tasksPerInstance = 10;

type Exchange = { wallUs: number; cpuUs: number; attemptsPerSecond: number; reportsPerAttempt: number };

function newOffer(instance: string): Offer {
  return offerSchema.parse({
    instance,
    workflow: 'bench',
    epoch: 1,
    master,
    host: 'localhost',
    task: 'step',
    attemptId: systemIds.uuid(),
    attempt: 1,
    workerIncarnation: incarnation,
    settings: { type: 'script', steps: [{ result: 'succeed', afterMs: 0, outputs: {} }] },
    env: {},
    inputs: { params: { region: 'eu', day: 17 }, needs: { before: { rows: 100 } } },
  });
}

/** Keeps `inFlightCount` attempts on the way until all are acked. */
async function exchange(transport: Transport, inFlightCount: number): Promise<Exchange> {
  const offers: Offer[] = [];
  for (let index = 0; index < attemptCount; index += tasksPerInstance) {
    const instance = systemIds.uuid();
    for (let task = 0; task < tasksPerInstance; task += 1) offers.push(newOffer(instance));
  }
  const inbox = transport.newInbox();
  let reportCount = 0;
  let sentCount = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const sendOne = () => transport.publish(subjects.worker.offer(worker), offers[sentCount++], { reply: inbox });
    const replies = transport.subscribe(inbox, () => {});
    const reports = transport.subscribe(subjects.master.report(master), (message) => {
      const batch = message.body as ReportBatch;
      const acked = batch.reports.map(({ attemptId, sequence }) => ({ attemptId, sequence }));
      transport.publish(message.reply ?? '', { acked, notOwner: [] });
      reportCount += acked.length;
      for (let count = 0; count < acked.length && sentCount < attemptCount; count += 1) sendOne();
      if (reportCount < attemptCount) return;
      replies.stop();
      reports.stop();
      resolve();
    });
    for (let count = 0; count < inFlightCount; count += 1) sendOne();
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    wallUs: (seconds * 1e6) / attemptCount,
    cpuUs: (cpu.user + cpu.system) / attemptCount,
    attemptsPerSecond: attemptCount / seconds,
    reportsPerAttempt: reportCount / attemptCount,
  };
}

/** The messages alone: accepts and reports each offer; those of one turn go in one batch, as the worker does. */
function startEcho(transport: Transport): { stop(): void } {
  const inbox = transport.newInbox();
  let waiting: Offer[] = [];
  const flush = () => {
    const at = Date.now();
    const reports = waiting.map(({ instance, task, attemptId }) => {
      return { kind: 'succeeded', instance, task, attemptId, sequence: 1, startedAt: at, finishedAt: at, outputs: {} };
    });
    waiting = [];
    transport.publish(subjects.master.report(master), { worker, incarnation, reports }, { reply: inbox });
  };
  const acks = transport.subscribe(inbox, () => {});
  const offers = transport.subscribe(subjects.worker.offer(worker), (message) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(message.body as Offer);
    transport.publish(message.reply ?? '', { accepted: true });
  });
  return {
    stop: () => {
      acks.stop();
      offers.stop();
    },
  };
}

async function run(inFlightCount: number): Promise<void> {
  const network = createMemoryNetwork({ clock: systemClock });
  const folder = mkdtempSync(join(tmpdir(), 'worker-bench-'));
  const ledger = createSqliteLedger({ path: join(folder, 'worker.db') });
  const members = await createMemoryBucketStore({ clock: systemClock }).open('members', { ttlMs: 0, replicas: 1 });
  const masterTransport = network.connect('master');
  const echo = startEcho(network.connect('echo'));
  const floor = await exchange(masterTransport, inFlightCount);
  echo.stop();
  const service = createWorkerService({
    id: worker,
    incarnation,
    host: 'localhost',
    pid: process.pid,
    config: configSchema.parse({ worker: { slots: 10_000 } }).worker,
    dataDir: folder,
    transport: network.connect('worker'),
    members,
    taskTypes: [createScriptTaskType({ crashWorker: () => {} })],
    ledger,
    processes: systemProcessTable,
    machineLoad: createOsMachineLoad(),
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
  });
  await service.start();
  const real = await exchange(masterTransport, inFlightCount);
  await service.stop(2_000);
  ledger.close();
  rmSync(folder, { recursive: true, force: true });
  const show = (value: number) => Number(value.toFixed(1));
  console.log(
    JSON.stringify({
      inFlightCount,
      attemptsPerSecond: Math.round(real.attemptsPerSecond),
      cpuUsPerAttempt: show(real.cpuUs),
      floorCpuUs: show(floor.cpuUs),
      workerCpuUs: show(real.cpuUs - floor.cpuUs),
      ratioToFloor: show(real.cpuUs / floor.cpuUs),
      wallUsPerAttempt: show(real.wallUs),
      floorWallUs: show(floor.wallUs),
      reportsPerAttempt: real.reportsPerAttempt,
    }),
  );
}

await run(64); // The compiler warms up.
for (const inFlightCount of [1, 8, 64, 256]) await run(inFlightCount);
