/**
 * Picks the SQLite binding: the one built into Node where it is stable (24 and later), else `libsql`.
 * Both are narrowed to the few calls the storage needs. Parameters always travel as arrays: libsql aborts the
 * process when a single Buffer is passed as the only argument.
 */
import { createRequire } from 'node:module';
import { EventStoreNodeError } from './node-error.ts';

type SqliteValue = number | string | Buffer;
export type SqliteRow = readonly unknown[];

export type SqliteStatement = {
  /** Runs to the end and returns the number of changed rows. */
  run(parameters: readonly SqliteValue[]): number;
  get(parameters: readonly SqliteValue[]): SqliteRow | undefined;
  all(parameters: readonly SqliteValue[]): readonly SqliteRow[];
};

export type SqliteDatabase = {
  readonly driver: SqliteDriverName;
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
};

export type SqliteDriverName = 'node:sqlite' | 'libsql';

const NODE_SQLITE_MAJOR_MIN = 24;
const require = createRequire(import.meta.url);

const sqliteDriverName = (): SqliteDriverName => {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= NODE_SQLITE_MAJOR_MIN ? 'node:sqlite' : 'libsql';
};

export const openSqlite = (path: string): SqliteDatabase =>
  sqliteDriverName() === 'node:sqlite' ? openNodeSqlite(path) : openLibsql(path);

/** Whether another connection holds a lock that this one needs. */
export const isSqliteBusy = (error: unknown): boolean =>
  error instanceof Error && /database is locked|SQLITE_BUSY/i.test(`${error.message} ${codeOf(error)}`);

/** A blob as a Buffer over the same memory; the drivers hand out Buffer, Uint8Array or ArrayBuffer. */
export const bufferOf = (blob: unknown): Buffer => {
  if (Buffer.isBuffer(blob)) return blob;
  if (blob instanceof ArrayBuffer) return Buffer.from(blob);
  if (blob instanceof Uint8Array) return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  throw new TypeError(`expected a blob, found ${typeof blob}`);
};

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');

type LibsqlStatement = {
  run(parameters: readonly SqliteValue[]): { changes: number };
  get(parameters: readonly SqliteValue[]): SqliteRow | undefined;
  all(parameters: readonly SqliteValue[]): SqliteRow[];
  raw(): LibsqlStatement;
};
type LibsqlDatabase = { exec(sql: string): void; prepare(sql: string): LibsqlStatement; close(): void };

const openLibsql = (path: string): SqliteDatabase => {
  const Database = loadDriver<new (path: string) => LibsqlDatabase>('libsql');
  const database = new Database(path);
  return {
    driver: 'libsql',
    exec: (sql) => database.exec(sql),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      const rows = isQuery(sql) ? statement.raw() : statement;
      return {
        run: (parameters) => statement.run(parameters).changes,
        get: (parameters) => rows.get(parameters),
        all: (parameters) => rows.all(parameters),
      };
    },
    close: () => database.close(),
  };
};

type NodeSqliteStatement = {
  run(...parameters: readonly SqliteValue[]): { changes: number | bigint };
  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined;
  all(...parameters: readonly SqliteValue[]): SqliteRow[];
  setReturnArrays(isOn: boolean): void;
};
type NodeSqliteDatabase = { exec(sql: string): void; prepare(sql: string): NodeSqliteStatement; close(): void };

const openNodeSqlite = (path: string): SqliteDatabase => {
  const { DatabaseSync } = loadDriver<{ DatabaseSync: new (path: string) => NodeSqliteDatabase }>('node:sqlite');
  const database = new DatabaseSync(path);
  return {
    driver: 'node:sqlite',
    exec: (sql) => database.exec(sql),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      if (isQuery(sql)) statement.setReturnArrays(true);
      return {
        run: (parameters) => Number(statement.run(...parameters).changes),
        get: (parameters) => statement.get(...parameters),
        all: (parameters) => statement.all(...parameters),
      };
    },
    close: () => database.close(),
  };
};

const isQuery = (sql: string): boolean => /^\s*(SELECT|PRAGMA)/i.test(sql);

const loadDriver = <Driver>(name: SqliteDriverName): Driver => {
  try {
    return require(name) as Driver; // The driver's own types describe more than is used here.
  } catch (cause) {
    const message = `The event store needs the SQLite driver ${name}, which cannot be loaded. Run "npm install" again.`;
    throw new EventStoreNodeError('EVENT_STORE_DRIVER_MISSING', message, { cause });
  }
};
