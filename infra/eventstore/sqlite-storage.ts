/**
 * The event storage in one SQLite file: write-ahead log, synchronous=FULL, one fsync per commit.
 *
 * Invariants:
 * I1. A row of `appends` is one append: its events are contiguous in its stream and its key is the position of the
 *     last of them, so commit order is key order.
 * I2. `stream_index` maps (stream, last revision of an append) to the append; keys below 0 are hashed event ids.
 *     Both kinds of key of a small stream share a page, which keeps the pages written per commit few.
 * I3. Stream keys are handed out in creation order, never reused; the highest is found through `stream_index`,
 *     because a stream is created together with its first append.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStorage, NewAppend, ReadPageOptions, StoredAppend, StreamHead } from './event-storage.ts';
import { EventStoreNodeError } from './node-error.ts';
import { bufferOf, openSqlite, type SqliteDatabase, type SqliteRow, type SqliteStatement } from './sqlite-driver.ts';

const FILE_NAME = 'events.sqlite';
const LOG_NAME = `${FILE_NAME}-wal`;
const APPLICATION_ID = 0x4d6c7265;
const FORMAT_VERSION = 1;
/** Size of the log, in pages, at which a commit moves it into the main file. */
const CHECKPOINT_PAGES = 1024;
const PAGE_SIZE_BYTES = 4096;
const ID_KEYS_PER_STATEMENT_MAX = 16;

const SCHEMA = `
  CREATE TABLE appends (position INTEGER PRIMARY KEY, frames BLOB NOT NULL);
  CREATE TABLE stream_index (
    stream INTEGER NOT NULL, key INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (stream, key)
  ) WITHOUT ROWID;
  CREATE TABLE streams (name TEXT PRIMARY KEY, stream INTEGER NOT NULL) WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
`;

export const openSqliteStorage = (folder: string): EventStorage => {
  const database = openSqlite(join(folder, FILE_NAME));
  try {
    configure(database);
    createSchema(database, folder);
    growLog(database, folder);
    return new SqliteStorage(database);
  } catch (error) {
    database.close();
    throw error;
  }
};

const configure = (database: SqliteDatabase): void => {
  database.exec(`PRAGMA page_size = ${PAGE_SIZE_BYTES}`);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.exec('PRAGMA cache_size = -32768');
  database.exec('PRAGMA temp_store = MEMORY');
};

const pragma = (database: SqliteDatabase, name: string): number =>
  Number(database.prepare(`PRAGMA ${name}`).get([])?.[0]);

const createSchema = (database: SqliteDatabase, folder: string): void => {
  const version = pragma(database, 'user_version');
  if (version === 0 && pragma(database, 'page_count') <= 1) {
    database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    return;
  }
  if (version === FORMAT_VERSION && pragma(database, 'application_id') === APPLICATION_ID) return;
  const message = `The file ${FILE_NAME} in ${folder} has format ${version}; this node reads format ${FORMAT_VERSION}. Use the version that wrote it, or another folder.`;
  throw new EventStoreNodeError('EVENT_STORE_FORMAT_UNKNOWN', message);
};

/**
 * Writes the log to its full size once. A sync of a file that grows also has to write the file's new size, which
 * takes more than twice as long; overwriting a log that is already there does not.
 */
const growLog = (database: SqliteDatabase, folder: string): void => {
  const sizeBytes = CHECKPOINT_PAGES * PAGE_SIZE_BYTES;
  const present = statSync(join(folder, LOG_NAME), { throwIfNoEntry: false });
  if (present !== undefined && present.size >= sizeBytes) return;
  database.exec('PRAGMA synchronous = NORMAL');
  database.exec(
    `BEGIN; CREATE TABLE filler (content BLOB); INSERT INTO filler VALUES (zeroblob(${sizeBytes})); COMMIT;`,
  );
  database.exec('DROP TABLE filler');
  database.prepare('PRAGMA wal_checkpoint(PASSIVE)').all([]);
  database.exec('PRAGMA synchronous = FULL');
};

class SqliteStorage implements EventStorage {
  private readonly database: SqliteDatabase;
  private readonly statements: ReturnType<typeof prepareStatements>;
  private readonly indexStatements = new Map<number, SqliteStatement>();
  private lastStreamKey: number;

  constructor(database: SqliteDatabase) {
    this.database = database;
    this.statements = prepareStatements(database);
    this.lastStreamKey = Number(this.statements.lastStreamKey.get([])?.[0] ?? 0);
  }

  commit(work: () => void): void {
    const streamKeyBefore = this.lastStreamKey;
    this.statements.begin.run([]);
    try {
      work();
      this.statements.commit.run([]);
    } catch (error) {
      this.lastStreamKey = streamKeyBefore;
      this.rollBack();
      throw error;
    }
  }

  insertStream(streamName: string): number {
    const streamKey = this.lastStreamKey + 1;
    this.statements.insertStream.run([streamName, streamKey]);
    this.lastStreamKey = streamKey;
    return streamKey;
  }

  insertAppend(append: NewAppend): void {
    this.statements.insertAppend.run([append.lastPosition, append.frames]);
    const { streamKey, lastPosition, eventIdKeys } = append;
    const first = eventIdKeys.slice(0, ID_KEYS_PER_STATEMENT_MAX);
    const values = [streamKey, append.lastRevision, lastPosition];
    for (const key of first) values.push(streamKey, key, lastPosition);
    const inserted = this.insertIndexRows(first.length + 1).run(values);
    if (inserted !== first.length + 1) this.assertIndexed(append);
    for (let at = ID_KEYS_PER_STATEMENT_MAX; at < eventIdKeys.length; at += ID_KEYS_PER_STATEMENT_MAX) {
      const keys = eventIdKeys.slice(at, at + ID_KEYS_PER_STATEMENT_MAX);
      this.insertIndexRows(keys.length).run(keys.flatMap((key) => [streamKey, key, lastPosition]));
    }
  }

  streamHead(streamName: string): StreamHead | undefined {
    const streamKey = this.statements.streamByName.get([streamName])?.[0];
    if (streamKey === undefined) return undefined;
    const lastRevision = this.statements.lastRevision.get([Number(streamKey)])?.[0];
    return { streamKey: Number(streamKey), lastRevision: Number(lastRevision ?? -1) };
  }

  readStream(streamKey: number, page: ReadPageOptions): StoredAppend[] {
    const from = Math.max(0, page.from);
    if (page.direction === 'forwards') {
      return this.statements.streamForwards.all([streamKey, from, page.limit]).map(storedAppend);
    }
    const holder = this.statements.streamForwards.all([streamKey, from, 1]);
    const before = this.statements.streamBackwards.all([streamKey, from, page.limit]);
    return [...holder, ...before].map(storedAppend);
  }

  readAll(page: ReadPageOptions): StoredAppend[] {
    if (page.direction === 'forwards') {
      return this.statements.allForwards.all([page.from, page.limit]).map(storedAppend);
    }
    const holder = this.statements.allForwards.all([page.from, 1]);
    const before = this.statements.allBackwards.all([page.from, page.limit]);
    return [...holder, ...before].map(storedAppend);
  }

  findEventId(streamKey: number, eventIdKey: number): StoredAppend | undefined {
    const position = this.statements.positionByKey.get([streamKey, eventIdKey])?.[0];
    if (position === undefined) return undefined;
    const row = this.statements.allForwards.all([Number(position), 1])[0];
    return row === undefined ? undefined : storedAppend(row);
  }

  lastPosition(): number {
    return Number(this.statements.lastPosition.get([])?.[0] ?? 0);
  }

  checkpoint(): void {
    this.statements.checkpoint.all([]);
  }

  close(): void {
    this.database.close();
  }

  /** A hashed id may meet an older one (I2), which only costs the repeat detection of that one; a revision may not. */
  private assertIndexed(append: NewAppend): void {
    const position = this.statements.positionByKey.get([append.streamKey, append.lastRevision])?.[0];
    if (Number(position) === append.lastPosition) return;
    throw new Error(`revision ${append.lastRevision} of stream ${append.streamKey} is already at position ${position}`);
  }

  private insertIndexRows(count: number): SqliteStatement {
    let statement = this.indexStatements.get(count);
    if (statement === undefined) {
      const rows = Array.from({ length: count }, () => '(?, ?, ?)').join(', ');
      statement = this.database.prepare(`INSERT OR IGNORE INTO stream_index (stream, key, position) VALUES ${rows}`);
      this.indexStatements.set(count, statement);
    }
    return statement;
  }

  private rollBack(): void {
    try {
      this.statements.rollback.run([]);
    } catch {
      // SQLite has already rolled back by itself, as it does after an I/O error.
    }
  }
}

const prepareStatements = (database: SqliteDatabase) => ({
  begin: database.prepare('BEGIN IMMEDIATE'),
  commit: database.prepare('COMMIT'),
  rollback: database.prepare('ROLLBACK'),
  insertAppend: database.prepare('INSERT INTO appends (position, frames) VALUES (?, ?)'),
  insertStream: database.prepare('INSERT INTO streams (name, stream) VALUES (?, ?)'),
  lastStreamKey: database.prepare('SELECT stream FROM stream_index ORDER BY stream DESC LIMIT 1'),
  lastPosition: database.prepare('SELECT position FROM appends ORDER BY position DESC LIMIT 1'),
  streamByName: database.prepare('SELECT stream FROM streams WHERE name = ?'),
  lastRevision: database.prepare(
    'SELECT key FROM stream_index WHERE stream = ? AND key >= 0 ORDER BY key DESC LIMIT 1',
  ),
  positionByKey: database.prepare('SELECT position FROM stream_index WHERE stream = ? AND key = ?'),
  streamForwards: database.prepare(`
    SELECT s.position, a.frames, s.key FROM stream_index s CROSS JOIN appends a ON a.position = s.position
    WHERE s.stream = ? AND s.key >= ? ORDER BY s.key LIMIT ?`),
  streamBackwards: database.prepare(`
    SELECT s.position, a.frames, s.key FROM stream_index s CROSS JOIN appends a ON a.position = s.position
    WHERE s.stream = ? AND s.key >= 0 AND s.key < ? ORDER BY s.key DESC LIMIT ?`),
  allForwards: database.prepare('SELECT position, frames FROM appends WHERE position >= ? ORDER BY position LIMIT ?'),
  allBackwards: database.prepare(
    'SELECT position, frames FROM appends WHERE position < ? ORDER BY position DESC LIMIT ?',
  ),
  checkpoint: database.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
});

const storedAppend = (row: SqliteRow): StoredAppend => ({
  lastPosition: Number(row[0]),
  frames: bufferOf(row[1]),
  lastRevision: Number(row[2] ?? -1),
});
