/** The run index in an SQLite file. It may lose its last writes when the machine fails: they are read again. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import type { InstanceId } from '../../schemas/ids.ts';
import { type RunSummary, type RunsQuery, runSummarySchema } from '../../schemas/messages/client.messages.ts';
import type { RunChange, RunIndex } from './run-index.port.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS runs (
    instance TEXT PRIMARY KEY, workflow TEXT NOT NULL, version INTEGER NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL,
    submittedAt INTEGER NOT NULL, finishedAt INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS runs_by_time ON runs (submittedAt DESC, instance DESC);
  CREATE INDEX IF NOT EXISTS runs_unfinished ON runs (instance) WHERE finishedAt IS NULL;
  CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY CHECK (id = 1), position TEXT NOT NULL);
`;

/** @param file path of the database, or `:memory:` */
export function openRunIndex(file: string): RunIndex {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  database.exec(schema);
  const statements = prepare(database);
  const write = database.transaction((changes: readonly RunChange[], position: string | undefined) => {
    for (const change of changes) applyChange(statements, change);
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
    withPrefix: (prefix, limit) => instancesOf(statements.prefix.all([prefix, `${prefix}~`, limit])),
    unfinished: () => instancesOf(statements.unfinished.all([])),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      database.close();
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(database: InstanceType<typeof Database>) {
  return {
    insert: database.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (instance) DO NOTHING'),
    status: database.prepare('UPDATE runs SET status = ?, finishedAt = ? WHERE instance = ? AND finishedAt IS NULL'),
    get: database.prepare('SELECT * FROM runs WHERE instance = ?'),
    prefix: database.prepare('SELECT instance FROM runs WHERE instance >= ? AND instance < ? LIMIT ?'),
    unfinished: database.prepare('SELECT instance FROM runs WHERE finishedAt IS NULL'),
    place: database.prepare('SELECT position FROM place WHERE id = 1'),
    setPlace: database.prepare(
      'INSERT INTO place VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET position = excluded.position',
    ),
  };
}

function applyChange(statements: Statements, change: RunChange): void {
  if (change.kind === 'submitted') {
    const { instance, workflow, version, key, status, submittedAt } = change.run;
    statements.insert.run([instance, workflow, version, key, status, submittedAt]);
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
  const { finishedAt, ...rest } = row as Record<string, unknown>;
  return runSummarySchema.parse(finishedAt === null ? rest : { ...rest, finishedAt });
}

function instancesOf(rows: unknown): InstanceId[] {
  return (rows as { instance: InstanceId }[]).map(({ instance }) => instance);
}
