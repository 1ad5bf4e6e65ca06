// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMysqlSql } from '../../src/tasks/sql/mysql-sql.adapter.ts';
import { openPostgresSql } from '../../src/tasks/sql/postgres-sql.adapter.ts';
import { createSqlTaskType } from '../../src/tasks/sql/sql.task-type.ts';
import type { SqlDrivers } from '../../src/tasks/sql/sql-driver.port.ts';
import { openSqliteSql } from '../../src/tasks/sql/sqlite-sql.adapter.ts';
import { sqlContract } from '../contract/sql.contract.ts';
import { closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

const drivers: SqlDrivers = { sqlite: openSqliteSql };
const sql = createSqlTaskType(drivers);
let folder: string;
let address: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sql-test-'));
  address = `sqlite:${join(folder, 'data.db')}`;
});
afterEach(closeAttempts);
afterEach(() => rmSync(folder, { recursive: true }));

const start = (settings: object, options: FixtureOptions = {}) =>
  runAttempt(sql, { type: 'sql', connection: address, bind: [], rowsMax: 1_000, ...settings }, options);
const run = (settings: object, options: FixtureOptions = {}) => start(settings, options).result;
const succeeded = (rows: object[]) => ({ kind: 'succeeded', outputs: { rows, rowCount: rows.length } });

sqlContract('SQLite', {
  open: openSqliteSql,
  address: () => address,
  nth: () => '?',
  slowQuery: 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c',
});

const { MILLRACE_TEST_POSTGRES: postgres, MILLRACE_TEST_MYSQL: mysql } = process.env;
if (postgres !== undefined) {
  sqlContract('PostgreSQL', {
    open: openPostgresSql,
    address: () => postgres,
    nth: (position) => `$${position}`,
    slowQuery: 'SELECT pg_sleep(300)',
  });
}
if (mysql !== undefined) {
  sqlContract('MySQL', { open: openMysqlSql, address: () => mysql, nth: () => '?', slowQuery: 'SELECT SLEEP(300)' });
}

describe('a sql task and SQLite', () => {
  it('takes values only as values, whatever is in them', async () => {
    const params = { name: "x'; DROP TABLE t; --", numbers: [1, 2], flag: true };
    const query = 'SELECT ? AS name, ? AS numbers, ? AS flag, ? AS plain, ? AS day, ? AS missing, typeof(?) AS kind';
    const bind = ['${name}', '${numbers}', '${flag}', 7.5, '$[yyyy-MM-dd]', null, 5];
    const row = {
      name: params.name,
      numbers: '[1,2]',
      flag: 1,
      plain: 7.5,
      day: '2024-02-29',
      missing: null,
      kind: 'integer',
    };
    expect(await run({ query, bind }, { params })).toEqual(succeeded([row]));
  });

  it('gives integers that a number cannot hold as text, and bytes as base64', async () => {
    const query = "SELECT 9007199254740993 AS big, -5 AS small, x'00ff' AS bytes, 0.5 AS half";
    const row = { big: '9007199254740993', small: -5, bytes: 'AP8=', half: 0.5 };
    expect(await run({ query })).toEqual(succeeded([row]));
  });

  it('writes with bound values, and gives the rows of RETURNING', async () => {
    await run({ script: 'CREATE TABLE t (a INTEGER)' });
    expect(await run({ query: 'INSERT INTO t VALUES (?)', bind: [3] })).toEqual(succeeded([]));
    const query = 'UPDATE t SET a = a + ? RETURNING a';
    expect(await run({ query, bind: [4] })).toEqual(succeeded([{ a: 7 }]));
  });

  it('fails on more rows, or more bytes, than are wanted', async () => {
    const query = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 500) SELECT x FROM c';
    expect(await run({ query, rowsMax: 500 })).toMatchObject({ outputs: { rowCount: 500 } });
    expect(await run({ query, rowsMax: 499 })).toMatchObject({ fault: { code: 'OUTPUT_TOO_LARGE' } });
    expect(await run({ query }, { outputSizeBytesMax: 100 })).toMatchObject({ fault: { code: 'OUTPUT_TOO_LARGE' } });
  });

  it('says what is wrong with a statement, and how many values it wants', async () => {
    expect(await run({ query: 'SELEC 1' })).toMatchObject({
      fault: { code: 'SQL_FAILED', message: expect.stringContaining('syntax error') },
    });
    expect(await run({ connection: `sqlite:${folder}/none/x.db`, query: 'SELECT 1' })).toMatchObject({
      fault: { code: 'SQL_FAILED' },
    });
  });

  it('takes its connection from parameters and secrets, and tells no address that it does not know', async () => {
    const late = { db: { secret: 'database' } };
    const connection = '${db}';
    expect(await run({ connection, query: 'SELECT 1 AS a' }, { late, secrets: { database: address } })).toEqual(
      succeeded([{ a: 1 }]),
    );
    const other = await run({ connection, query: 'SELECT 1' }, { late, secrets: { database: 'oracle://u:pass@h' } });
    expect(other).toMatchObject({ fault: { code: 'SQL_FAILED', message: expect.not.stringContaining('pass') } });
    expect(await run({ connection, query: 'SELECT 1' }, { late, secrets: {} })).toMatchObject({
      fault: { code: 'SECRET_UNKNOWN' },
    });
  });
});
