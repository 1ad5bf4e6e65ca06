/** SQLite by libsql: a file of the worker's machine, or `sqlite::memory:`. Statements run beside the event loop. */
import Database from 'libsql/promise';
import type { OpenSql } from './sql-driver.port.ts';
import { boundValue, jsonRow } from './sql-values.ts';

const busyTimeoutMs = 10_000;

export const openSqliteSql: OpenSql = async (address) => {
  const database = new Database(address.slice('sqlite:'.length), { timeout: busyTimeoutMs });
  return {
    query: async (text, bind, rowsMax) => {
      const statement = await database.prepare(text);
      statement.safeIntegers(true);
      // Also a statement without rows: `run` would hold the event loop.
      const found = await statement.iterate(bind.map(boundValue).map(numeric));
      const rows = [];
      for (const row of found as Iterable<object>) {
        if (rows.length === rowsMax) return { rows, isWhole: false };
        rows.push(jsonRow(row));
      }
      return { rows, isWhole: true };
    },
    script: async (text) => {
      await database.exec('BEGIN IMMEDIATE');
      try {
        await database.exec(text);
        await database.exec('COMMIT');
      } catch (fault) {
        await database.exec('ROLLBACK').catch(() => {}); // The statement's own fault says more.
        throw fault;
      }
    },
    interrupt: () => database.interrupt(),
    close: async () => database.close(),
  };
};

/** SQLite has no truth values, and takes each number as a double. */
function numeric(value: string | number | boolean | null): string | number | bigint | null {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}
