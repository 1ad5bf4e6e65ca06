/** MySQL and MariaDB by `mysql2`, loaded when a task needs it. */
import type { Connection } from 'mysql2/promise';
import type { OpenSql } from './sql-driver.port.ts';
import { boundValue, jsonRow } from './sql-values.ts';

const connectTimeoutMs = 10_000;

export const openMysqlSql: OpenSql = async (address) => {
  const { createConnection } = await import('mysql2/promise');
  const options = {
    uri: address,
    connectTimeout: connectTimeoutMs,
    supportBigNumbers: true,
    bigNumberStrings: false,
    dateStrings: false,
  };
  const connection = await createConnection({ ...options, multipleStatements: true });
  connection.on('error', () => {}); // A connection that breaks fails the statement on it.
  return {
    query: async (text, bind, rowsMax) => {
      const [found] = await connection.execute(text, bind.map(boundValue));
      const rows = Array.isArray(found) ? (found as object[]) : []; // A statement without rows tells what it changed.
      return { rows: rows.slice(0, rowsMax).map(jsonRow), isWhole: rows.length <= rowsMax };
    },
    script: async (text) => {
      await connection.beginTransaction();
      try {
        await connection.query(text);
        await connection.commit();
      } catch (fault) {
        await connection.rollback().catch(() => {}); // The statement's own fault says more.
        throw fault;
      }
    },
    interrupt: () => void cancel(connection, () => createConnection(options)),
    close: () => connection.end(),
  };
};

/** By another connection: this one waits for its statement. When that fails, the connection is cut. */
async function cancel(connection: Connection, another: () => Promise<Connection>): Promise<void> {
  try {
    const second = await another();
    await second.query(`KILL QUERY ${Number(connection.threadId)}`);
    await second.end();
  } catch {
    connection.destroy();
  }
}
