/**
 * One process per data folder. The lock is SQLite's exclusive lock on a small file of its own: the operating system
 * drops it when the process dies, however it dies, so a stale lock cannot exist.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EventStoreNodeError } from './node-error.ts';
import { isSqliteBusy, openSqlite, type SqliteDatabase } from './sqlite-driver.ts';

export type DataFolderLock = { readonly folder: string; release(): void };

const LOCK_FILE_NAME = 'lock.sqlite';

/** Creates the folder if need be and takes it, or throws EVENT_STORE_FOLDER_IN_USE. */
export const lockDataFolder = (dataDir: string): DataFolderLock => {
  const folder = openFolder(dataDir);
  const database = openSqlite(join(folder, LOCK_FILE_NAME));
  try {
    database.exec('PRAGMA busy_timeout = 0');
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw refusal(folder, cause);
  }
  return { folder, release: () => releaseLock(database) };
};

const openFolder = (dataDir: string): string => {
  try {
    mkdirSync(dataDir, { recursive: true });
    const folder = realpathSync(dataDir);
    syncFolder(dirname(folder));
    return folder;
  } catch (cause) {
    const message = `The data folder ${dataDir} of the event store cannot be created or opened. Check its path and rights.`;
    throw new EventStoreNodeError('EVENT_STORE_FOLDER_UNUSABLE', message, { cause });
  }
};

/** Makes the folder's own entry durable; where folders cannot be opened the file system does so by itself. */
const syncFolder = (folder: string): void => {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
};

const refusal = (folder: string, cause: unknown): EventStoreNodeError => {
  if (!isSqliteBusy(cause)) {
    const message = `The lock file in the data folder ${folder} cannot be used. Check that the folder is writable.`;
    return new EventStoreNodeError('EVENT_STORE_FOLDER_UNUSABLE', message, { cause });
  }
  const message = `The data folder ${folder} is in use by another event store node. Stop that one, or choose another folder.`;
  return new EventStoreNodeError('EVENT_STORE_FOLDER_IN_USE', message, { cause });
};

const releaseLock = (database: SqliteDatabase): void => {
  database.exec('ROLLBACK');
  database.close();
};
