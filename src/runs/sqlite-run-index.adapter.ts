/** The run index in an SQLite file. It may lose its last writes when the machine fails: they are read again. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import type { InstanceId } from '../../schemas/ids.ts';
import { type RunSummary, type RunsQuery, runSummarySchema } from '../../schemas/messages/client.messages.ts';
import type { RunChange, RunIndex } from './run-index.port.ts';
import { keptResults, keptResultsSchema } from './sqlite-kept-results.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS runs (
    instance TEXT PRIMARY KEY, workflow TEXT NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL,
    submittedAt INTEGER NOT NULL, finishedAt INTEGER, logicalAt INTEGER, parent TEXT, dryRun INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS runs_by_time ON runs (submittedAt DESC, instance DESC);
  CREATE INDEX IF NOT EXISTS runs_unfinished ON runs (instance) WHERE finishedAt IS NULL;
  CREATE INDEX IF NOT EXISTS runs_by_logical_time ON runs (workflow, coalesce(logicalAt, submittedAt), submittedAt);
  CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY CHECK (id = 1), position TEXT NOT NULL);
`;

/** Grows with each change of the tables. A file of another version is emptied: the journal is read again from its beginning. */
const schemaVersion = 3;

/** @param file path of the database, or `:memory:` */
export function openRunIndex(file: string): RunIndex {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  emptyIfOld(database);
  database.exec(schema + keptResultsSchema);
  const statements = prepare(database);
  const results = keptResults(database);
  const write = database.transaction((changes: readonly RunChange[], position: string | undefined) => {
    for (const change of changes) {
      if (change.kind === 'resultKept') results.keep(change.result);
      else applyChange(statements, change);
    }
    if (position !== undefined) statements.setPlace.run([position]);
  });
  let isClosed = false;
  return {
    apply: (changes, position) => {
      if (!isClosed) write(changes, position);
    },
    position: () => (statements.place.get([]) as { position: string } | undefined)?.position,
    list: (query) => list(database, query),
    get: (instance) => optional(statements.get.get([instance])),
    newestBetween: (workflow, fromAt, untilAt) => optional(statements.newest.get([workflow, fromAt, untilAt])),
    withPrefix: (prefix, limit) => instancesOf(statements.prefix.all([prefix, `${prefix}~`, limit])),
    unfinished: () => instancesOf(statements.unfinished.all([])),
    result: (cacheKey) => results.find(cacheKey),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      database.close();
    },
  };
}

function emptyIfOld(database: InstanceType<typeof Database>): void {
  const { user_version } = database.prepare('PRAGMA user_version').get([]) as { user_version: number };
  if (user_version === schemaVersion) return;
  database.exec(
    `DROP TABLE IF EXISTS runs; DROP TABLE IF EXISTS place; DROP TABLE IF EXISTS results; PRAGMA user_version = ${schemaVersion};`,
  );
}

type Statements = ReturnType<typeof prepare>;

function prepare(database: InstanceType<typeof Database>) {
  return {
    insert: database.prepare(
      'INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?) ON CONFLICT (instance) DO NOTHING',
    ),
    status: database.prepare('UPDATE runs SET status = ?, finishedAt = ? WHERE instance = ? AND finishedAt IS NULL'),
    move: database.prepare('UPDATE runs SET version = ? WHERE instance = ?'),
    reopen: database.prepare("UPDATE runs SET status = 'running', finishedAt = NULL WHERE instance = ?"),
    newest: database.prepare(`
      SELECT * FROM runs
      WHERE workflow = ? AND coalesce(logicalAt, submittedAt) >= ? AND coalesce(logicalAt, submittedAt) < ? AND dryRun IS NULL
      ORDER BY coalesce(logicalAt, submittedAt) DESC, submittedAt DESC LIMIT 1`),
    get: database.prepare('SELECT * FROM runs WHERE instance = ?'),
    prefix: database.prepare('SELECT instance FROM runs WHERE instance >= ? AND instance < ? LIMIT ?'),
    unfinished: database.prepare('SELECT instance FROM runs WHERE finishedAt IS NULL'),
    place: database.prepare('SELECT position FROM place WHERE id = 1'),
    setPlace: database.prepare(
      'INSERT INTO place VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET position = excluded.position',
    ),
  };
}

function applyChange(statements: Statements, change: Exclude<RunChange, { kind: 'resultKept' }>): void {
  if (change.kind === 'submitted') {
    const { instance, workflow, version, key, status, submittedAt, logicalAt = null, parent, dryRun } = change.run;
    const more = [logicalAt, parent === undefined ? null : JSON.stringify(parent), dryRun === true ? 1 : null];
    statements.insert.run([instance, workflow, version, key, status, submittedAt, ...more]);
  } else if (change.kind === 'moved') {
    statements.move.run([change.version, change.instance]);
  } else if (change.kind === 'reopened') {
    statements.reopen.run([change.instance]);
  } else {
    statements.status.run([change.status, change.finishedAt ?? null, change.instance]);
  }
}

function list(database: InstanceType<typeof Database>, query: RunsQuery): { runs: RunSummary[]; more: boolean } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (condition: string, ...given: unknown[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  if (query.workflow !== undefined) where('workflow = ?', query.workflow);
  if (query.status !== undefined) where('status = ?', query.status);
  if (query.before !== undefined) {
    where('(submittedAt, instance) < (SELECT submittedAt, instance FROM runs WHERE instance = ?)', query.before);
  }
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const sql = `SELECT * FROM runs ${filter} ORDER BY submittedAt DESC, instance DESC LIMIT ?`;
  const rows = database.prepare(sql).all([...values, query.limit + 1]) as unknown[];
  return { runs: rows.slice(0, query.limit).map(summaryOf), more: rows.length > query.limit };
}

function optional(row: unknown): RunSummary | undefined {
  return row === undefined || row === null ? undefined : summaryOf(row);
}

function summaryOf(row: unknown): RunSummary {
  const present = Object.entries(row as Record<string, unknown>).filter(([, value]) => value !== null);
  const { parent, dryRun, ...rest } = Object.fromEntries(present);
  return runSummarySchema.parse({
    ...rest,
    ...(typeof parent === 'string' ? { parent: JSON.parse(parent) as unknown } : {}),
    ...(dryRun === undefined ? {} : { dryRun: true }),
  });
}

function instancesOf(rows: unknown): InstanceId[] {
  return (rows as { instance: InstanceId }[]).map(({ instance }) => instance);
}
