/** PostgreSQL by `pg`, loaded when a task needs it. */
import type { Client, Query as PgQuery, QueryResult } from 'pg';
import type { JsonRecord } from '../../../schemas/json.ts';
import type { OpenSql, SqlRows } from './sql-driver.port.ts';
import { boundValue, jsonRow } from './sql-values.ts';

const connectTimeoutMs = 10_000;

export const openPostgresSql: OpenSql = async (address) => {
  const { default: pg } = await import('pg');
  const options = {
    connectionString: address,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'millrace',
  };
  const client = new pg.Client(options);
  client.on('error', () => {}); // A connection that breaks fails the statement on it.
  await client.connect();
  return {
    query: (text, bind, rowsMax) => {
      const query = new pg.Query({ text, values: bind.map(boundValue) });
      return collected(client, query, rowsMax);
    },
    // Without values, PostgreSQL takes several statements as one transaction.
    script: async (text) => void (await client.query(text)),
    interrupt: () => void cancel(client, () => new pg.Client(options)),
    close: () => client.end(),
  };
};

/** Rows beyond the wanted ones are not kept. */
function collected(client: Client, query: PgQuery, rowsMax: number): Promise<SqlRows> {
  const rows: JsonRecord[] = [];
  let isWhole = true;
  query.on('row', (row: object, _result?: QueryResult) => {
    if (rows.length < rowsMax) rows.push(jsonRow(row));
    else isWhole = false;
  });
  return new Promise((resolve, reject) => {
    query.once('error', reject);
    query.once('end', () => resolve({ rows, isWhole }));
    client.query(query);
  });
}

/** By another connection: this one waits for its statement. When that fails, the connection is cut. */
async function cancel(client: Client, another: () => Client): Promise<void> {
  const { processID } = client as Client & { processID?: number }; // Documented, but not among its types.
  const second = another();
  second.on('error', () => {});
  try {
    await second.connect();
    await second.query('SELECT pg_cancel_backend($1)', [processID]);
  } catch {
    await client.end().catch(() => {}); // Then it is cut already.
  } finally {
    await second.end().catch(() => {}); // It has done what it was for.
  }
}
