/**
 * The ledger in one SQLite file, written by synchronous calls: one transaction costs less than a switch of threads.
 *
 * L1 `synchronous=NORMAL`: what is committed outlives the process, but a power loss may take the newest commits. That is
 *    safe: offers name the worker's incarnation, so after a reboot no offer that was lost can start twice, and the owner of a
 *    lost attempt sees the incarnation gone and declares it lost.
 * L2 The file is locked for one process: two workers with one ledger would both answer for its attempts.
 * L3 Parameters go in as arrays: a single Buffer argument makes the library abort the process.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { z } from 'zod';
import { attemptIdSchema, instanceIdSchema, masterIdSchema, runTaskNameSchema } from '../../schemas/ids.ts';
import { offerSchema } from '../../schemas/messages/attempt.messages.ts';
import { AppError } from '../errors/app-error.ts';
import type { AttemptRow, InstanceRow, Ledger, LedgerAttemptState, LedgerChanges } from './ledger.port.ts';

/** More settled attempts than these are forgotten before their time. */
const settledCountMax = 500_000;
/** More instances than these are forgotten, those first that were not touched for longest. */
const instanceCountMax = 200_000;
const sweepRowCount = 1_000;
const states = ['queued', 'running', 'ended', 'revoked'] as const satisfies LedgerAttemptState[];
const stateNumber = { queued: 0, running: 1, ended: 2, revoked: 3 } as const;

const tables = `
  CREATE TABLE IF NOT EXISTS attempts (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, instance TEXT NOT NULL, task TEXT, state INTEGER NOT NULL, offer TEXT,
    pid INTEGER, startMark TEXT, startedAt INTEGER, endedAt INTEGER, sequence INTEGER NOT NULL, report TEXT,
    hasFolder INTEGER NOT NULL, logSizeBytes INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS instances (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL, owner TEXT, ownerHost TEXT,
    touchedAt INTEGER NOT NULL);
  PRAGMA user_version = 1;`;

const optional = <T extends z.ZodType>(schema: T) => schema.nullable().transform((value) => value ?? undefined);
const integer = z.int();

const attemptColumnsSchema = z.object({
  n: integer,
  id: attemptIdSchema,
  instance: instanceIdSchema,
  task: optional(runTaskNameSchema),
  state: integer.min(0).max(3),
  offer: optional(z.string()),
  pid: optional(integer),
  startMark: optional(z.string()),
  startedAt: optional(integer),
  endedAt: optional(integer),
  sequence: integer,
  report: optional(z.string()),
  hasFolder: integer,
  logSizeBytes: integer,
});

const instanceColumnsSchema = z.object({
  id: instanceIdSchema,
  epoch: integer,
  owner: optional(masterIdSchema),
  ownerHost: optional(z.string()),
  touchedAt: integer,
});

export function createSqliteLedger(options: { path: string }): Ledger {
  const database = open(options.path);
  const statements = prepare(database);
  let sweptTo = 0;
  return {
    commit: (changes) => commit(statements, changes),
    findAttempt: (id) => {
      const columns = statements.findAttempt.get([id]);
      return columns === undefined ? undefined : toAttemptRow(columns);
    },
    findInstance: (id) => {
      const columns = statements.findInstance.get([id]);
      return columns === undefined ? undefined : toInstanceRow(columns);
    },
    unsettled: () => statements.unsettled.all([]).map(toAttemptRow),
    expired: (endedBefore) => {
      const sweep = sweepFrom(statements, sweptTo, endedBefore);
      sweptTo = sweep.sweptTo;
      return sweep.expired;
    },
    forgetAttempts: (ids) =>
      inTransaction(statements, () => ids.forEach((id) => void statements.deleteAttempt.run([id]))),
    forgetInstances: (touchedBefore, isKept) => forgetInstances(statements, touchedBefore, isKept),
    close: () => {
      if (!database.open) return;
      // Statements keep the file open until they are collected, and with a WAL its lock (L2): that is given back first.
      database.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; SELECT n FROM instances WHERE n = 0;');
      database.close();
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function open(path: string): Database.Database {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(`BEGIN IMMEDIATE; ${tables} COMMIT;`);
    return database;
  } catch (cause) {
    database.close();
    if (!/lock|busy/i.test((cause as Error).message)) throw cause;
    throw new AppError('STORE_LOCKED', `expected to be alone with ${path}, found another worker using it`, { cause });
  }
}

function prepare(database: Database.Database) {
  return {
    begin: database.prepare('BEGIN'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    putAttempt: database.prepare(
      `INSERT INTO attempts (id, instance, task, state, offer, pid, startMark, startedAt, endedAt, sequence, report,
         hasFolder, logSizeBytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, offer = excluded.offer, pid = excluded.pid,
         startMark = excluded.startMark, startedAt = excluded.startedAt, endedAt = excluded.endedAt,
         sequence = excluded.sequence, report = excluded.report, hasFolder = excluded.hasFolder,
         logSizeBytes = excluded.logSizeBytes`,
    ),
    settleAttempt: database.prepare('UPDATE attempts SET report = NULL, offer = NULL WHERE id = ?'),
    // A new row each time, so that rows stand in the order of their last touch.
    putInstance: database.prepare(
      'INSERT OR REPLACE INTO instances (id, epoch, owner, ownerHost, touchedAt) VALUES (?, ?, ?, ?, ?)',
    ),
    findAttempt: database.prepare('SELECT * FROM attempts WHERE id = ?'),
    findInstance: database.prepare('SELECT id, epoch, owner, ownerHost, touchedAt FROM instances WHERE id = ?'),
    unsettled: database.prepare('SELECT * FROM attempts WHERE state < 2 OR report IS NOT NULL ORDER BY n'),
    sweep: database.prepare('SELECT * FROM attempts WHERE n > ? ORDER BY n LIMIT ?'),
    lastAttempt: database.prepare('SELECT max(n) AS n FROM attempts'),
    deleteAttempt: database.prepare('DELETE FROM attempts WHERE id = ?'),
    untouched: database.prepare(
      `SELECT id, epoch, owner, ownerHost, touchedAt FROM (SELECT * FROM instances ORDER BY n LIMIT ?)
       WHERE touchedAt < ? OR n <= (SELECT max(n) FROM instances) - ${instanceCountMax}`,
    ),
    deleteInstance: database.prepare('DELETE FROM instances WHERE id = ?'),
  };
}

function commit(statements: Statements, changes: LedgerChanges): void {
  inTransaction(statements, () => {
    for (const row of changes.attempts) statements.putAttempt.run(attemptParameters(row));
    for (const id of changes.settled) statements.settleAttempt.run([id]);
    for (const row of changes.instances) statements.putInstance.run(instanceParameters(row));
  });
}

function inTransaction(statements: Statements, work: () => void): void {
  statements.begin.run([]);
  try {
    work();
    statements.commit.run([]);
  } catch (fault) {
    rollBack(statements);
    throw fault;
  }
}

function rollBack(statements: Statements): void {
  try {
    statements.rollback.run([]);
  } catch {
    // SQLite has rolled back by itself, as it does when the disk is full.
  }
}

function attemptParameters(row: AttemptRow): unknown[] {
  return [
    row.attemptId,
    row.instance,
    row.task ?? null,
    stateNumber[row.state],
    row.offer === undefined ? null : JSON.stringify(row.offer),
    row.process?.pid ?? null,
    row.process?.startMark ?? null,
    row.startedAt ?? null,
    row.endedAt ?? null,
    row.sequence,
    row.reportText ?? null,
    row.hasFolder ? 1 : 0,
    row.logSizeBytes,
  ];
}

function instanceParameters(row: InstanceRow): unknown[] {
  return [row.instance, row.epoch, row.owner ?? null, row.ownerHost ?? null, row.touchedAt];
}

/** Looks at the next rows; begins again at the oldest when it reaches one that is too young. */
function sweepFrom(statements: Statements, sweptTo: number, endedBefore: number) {
  const rows = statements.sweep.all([sweptTo, sweepRowCount]).map((columns) => attemptColumnsSchema.parse(columns));
  const { n: newest } = z.object({ n: optional(integer) }).parse(statements.lastAttempt.get([]));
  const expired: AttemptRow[] = [];
  for (const columns of rows) {
    if (columns.state < stateNumber.ended || columns.report !== undefined) continue;
    const isExcess = columns.n <= (newest ?? 0) - settledCountMax;
    if (!isExcess && (columns.endedAt ?? 0) >= endedBefore) return { expired, sweptTo: 0 };
    expired.push(fromColumns(columns));
  }
  return { expired, sweptTo: rows.length < sweepRowCount ? 0 : (rows.at(-1)?.n ?? 0) };
}

/** Those that are kept count as touched: else they would stand before the others at each sweep. */
function forgetInstances(
  statements: Statements,
  touchedBefore: number,
  isKept: (id: InstanceRow['instance']) => boolean,
) {
  const rows = statements.untouched.all([sweepRowCount, touchedBefore]).map(toInstanceRow);
  inTransaction(statements, () => {
    for (const row of rows) {
      if (isKept(row.instance)) statements.putInstance.run(instanceParameters({ ...row, touchedAt: touchedBefore }));
      else statements.deleteInstance.run([row.instance]);
    }
  });
}

function toAttemptRow(columns: unknown): AttemptRow {
  return fromColumns(attemptColumnsSchema.parse(columns));
}

function fromColumns(columns: z.infer<typeof attemptColumnsSchema>): AttemptRow {
  const { pid, startMark } = columns;
  return {
    attemptId: columns.id,
    instance: columns.instance,
    task: columns.task,
    state: states[columns.state] ?? 'ended',
    offer: columns.offer === undefined ? undefined : offerSchema.parse(JSON.parse(columns.offer)),
    process: pid === undefined || startMark === undefined ? undefined : { pid, startMark },
    startedAt: columns.startedAt,
    endedAt: columns.endedAt,
    sequence: columns.sequence,
    reportText: columns.report,
    hasFolder: columns.hasFolder === 1,
    logSizeBytes: columns.logSizeBytes,
  };
}

function toInstanceRow(columns: unknown): InstanceRow {
  const { id, ...others } = instanceColumnsSchema.parse(columns);
  return { instance: id, ...others };
}
