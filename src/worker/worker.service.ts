/**
 * The worker: takes offers, runs attempts, reports to the owners of their instances, and remembers all that over restarts.
 *
 * The order of things is kept by the turn (T1-T3): messages of one turn of the event loop change records, one commit makes
 * the changes durable, then replies and reports go out.
 */
import type { WorkerConfig } from '../../schemas/config.schema.ts';
import type { Incarnation, WorkerId } from '../../schemas/ids.ts';
import type { WorkerMember } from '../../schemas/messages/membership.messages.ts';
import type { Bucket } from '../buckets/bucket.port.ts';
import type { Clock, IdSource } from '../clock/clock.port.ts';
import { type EndOfTurn, endOfTurn } from '../clock/end-of-turn.ts';
import { noSecrets, type SecretSource } from '../secrets/secret-source.port.ts';
import type { ProcessTable } from '../tasks/process-table.port.ts';
import type { TaskType } from '../tasks/task-type.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { Transport } from '../transport/transport.port.ts';
import { createAttemptPaths } from './attempt-paths.ts';
import { AttemptTable } from './attempt-table.ts';
import { createDrain } from './drain.ts';
import { createInstanceTable } from './instance-table.ts';
import { createLease, type Lease } from './lease.ts';
import type { Ledger } from './ledger.port.ts';
import type { MachineLoad } from './machine-load.port.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { recover } from './recovery.ts';
import { createRetention } from './retention.ts';
import { createTurn } from './turn.ts';
import { createWorkerMembership } from './worker-membership.ts';
import { createWorkerMessages } from './worker-messages.ts';

export type WorkerServiceOptions = {
  id: WorkerId;
  /** New at each start of the process: offers name it. */
  incarnation: Incarnation;
  host: string;
  pid: number;
  config: WorkerConfig;
  /** Logs and working folders of attempts are made in it. */
  dataDir: string;
  transport: Transport;
  members: Bucket;
  taskTypes: readonly TaskType[];
  /** Stays open: who opened it closes it after `stop`. */
  ledger: Ledger;
  processes: ProcessTable;
  /** Default: none; then an attempt that needs one fails. */
  secrets?: SecretSource;
  machineLoad: MachineLoad;
  clock: Clock;
  ids: IdSource;
  log: Log;
  /** Default: `setImmediate`. */
  endOfTurn?: EndOfTurn;
  /** Milliseconds by a clock that nobody sets. Default: `clock`. */
  monotonicNow?: () => number;
  /** Called at each renewal of the membership: for so long the worker may count on it. */
  onLeaseRenewed?: (validForMs: number) => void;
};

export type WorkerService = {
  /** Resolves when the worker takes offers. */
  start(): Promise<void>;
  /** Lets attempts end for as long as the configuration and the deadline allow, then cancels them. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
};

export function createWorkerService(options: WorkerServiceOptions): WorkerService {
  const parts = assemble(options);
  let stopping: Promise<void> | undefined;
  return {
    start: async () => {
      parts.startListening();
      await parts.recover();
      if (stopping === undefined) parts.startWorking();
    },
    stop: (deadlineMs) => {
      stopping ??= parts.stop(deadlineMs);
      return stopping;
    },
  };
}

/** What knows of attempts. */
function assembleCore(options: WorkerServiceOptions) {
  const { id, incarnation, config, transport, ledger, clock, ids, log } = options;
  const inbox = transport.newInbox();
  const turn = createTurn({ ledger, clock, log, endOfTurn: options.endOfTurn ?? endOfTurn });
  const paths = createAttemptPaths(options.dataDir);
  const instances = createInstanceTable({ ledger, turn });
  const drain = createDrain(clock);
  const attempts = new AttemptTable({
    worker: id,
    taskTypes: options.taskTypes,
    logSizeBytesMax: config.logSizeBytesMax,
    outputSizeBytesMax: config.outputSizeBytesMax,
    secrets: options.secrets ?? noSecrets,
    paths,
    turn,
    clock,
    log,
    outbox: (): Outbox => outbox,
    onIdle: drain.attemptsEnded,
  });
  const outbox: Outbox = createOutbox({
    worker: id,
    incarnation,
    inbox,
    retryDelayMs: config.reportRetryDelayMs,
    retryDelayMaxMs: config.reportRetryDelayMaxMs,
    transport,
    turn,
    clock,
    ids,
    findAttempt: (attemptId) => attempts.find(attemptId),
    findInstance: instances.find,
    onSettled: (record) => attempts.settled(record),
    onEmpty: drain.reportsAcked,
  });
  turn.onCommitted(instances.trim);
  transport.onStatus((status) => {
    if (status === 'connected') outbox.hurry();
  });
  return { inbox, turn, paths, instances, drain, attempts, outbox };
}

function assemble(options: WorkerServiceOptions) {
  const { id, incarnation, config, transport, ledger, processes, clock, log } = options;
  const { slots, retentionMs, heartbeatIntervalMs, drainDeadlineMs } = config;
  const core = assembleCore(options);
  const { inbox, turn, paths, instances, drain, attempts, outbox } = core;
  const startedAt = clock.now();
  const describe = (): WorkerMember => ({
    kind: 'worker',
    id,
    incarnation,
    host: options.host,
    pid: options.pid,
    startedAt,
    state: drain.hasBegun() ? 'draining' : 'active',
    groups: config.groups,
    slots,
    runningCount: attempts.runningCount(),
    runningByMaster: attempts.runningByMaster(),
    load: options.machineLoad.measure(),
  });
  const { members } = options;
  const lease = assembleLease(options, attempts);
  const membership = createWorkerMembership({ members, intervalMs: heartbeatIntervalMs, describe, lease, clock, log });
  const retention = createRetention({ retentionMs, ledger, instances, paths, clock, log });
  const context = { ...core, worker: id, incarnation, slots, isDraining: drain.hasBegun, lease, ledger, clock };
  const messages = createWorkerMessages({ worker: id, inbox, transport, log, context });

  return {
    startListening: messages.startAcks,
    recover: () => recover({ ledger, attempts, instances, outbox, processes, clock, log }),
    startWorking: () => {
      messages.start();
      membership.start();
      retention.start();
      log.info({ worker: id, incarnation, slots }, 'worker started');
    },
    stop: async (deadlineMs: number) => {
      await drain.run({ deadlineMs, drainDeadlineMs, attempts, outbox, onBegun: membership.changed });
      messages.stop();
      retention.stop();
      attempts.stop();
      turn.flush();
      turn.stop();
      outbox.stop();
      await membership.leave(leaveDeadlineMs);
      log.info({ worker: id, unackedCount: outbox.count() }, 'worker stopped');
    },
  };
}

function assembleLease(options: WorkerServiceOptions, attempts: AttemptTable): Lease {
  const { config, clock, log } = options;
  return createLease({
    lossMs: config.leaseLossMaxMs,
    clock,
    monotonicNow: options.monotonicNow ?? clock.now,
    onRenewed: options.onLeaseRenewed ?? (() => {}),
    onLost: (sinceMs) => {
      const running = attempts.running();
      const attemptCount = running.length;
      log.warn({ sinceMs, attemptCount, policy: config.onLeaseLost }, 'membership not renewed for too long');
      if (config.onLeaseLost === 'keep') return;
      for (const record of running) attempts.cancel(record, 'leaseLost', 'now');
    },
    log,
  });
}

const leaveDeadlineMs = 1_000;
