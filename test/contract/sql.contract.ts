// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
/** What a `sql` task does on every database. `nth` writes the n-th bound value. */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createSqlTaskType } from '../../src/tasks/sql/sql.task-type.ts';
import type { OpenSql } from '../../src/tasks/sql/sql-driver.port.ts';
import { closeAttempts, type FixtureOptions, runAttempt } from '../tasks/attempt-fixture.ts';

export type SqlUnderTest = {
  open: OpenSql;
  address: () => string;
  nth: (position: number) => string;
  /** Runs for minutes. */
  slowQuery: string;
};

export function sqlContract(name: string, { open, address, nth, slowQuery }: SqlUnderTest): void {
  const scheme = name.toLowerCase();
  const sql = createSqlTaskType({ sqlite: open, postgresql: open, mysql: open });
  const start = (settings: object, options: FixtureOptions = {}) =>
    runAttempt(sql, { type: 'sql', connection: address(), bind: [], rowsMax: 1_000, ...settings }, options);
  const run = (settings: object, options: FixtureOptions = {}) => start(settings, options).result;
  const succeeded = (rows: object[]) => ({ kind: 'succeeded', outputs: { rows, rowCount: rows.length } });
  const table = () => `millrace_${randomUUID().replaceAll('-', '')}`;

  describe(`a sql task on ${scheme}`, () => {
    afterEach(closeAttempts);

    it('runs a script, and has the rows of a query as output', async () => {
      const t = table();
      const script = `CREATE TABLE ${t} (a INTEGER, b VARCHAR(20)); INSERT INTO ${t} VALUES (1, 'one'), (2, 'a; ''b''')`;
      expect(await run({ script })).toEqual({ kind: 'succeeded', outputs: {} });
      expect(await run({ query: `SELECT * FROM ${t} ORDER BY a` })).toEqual(
        succeeded([
          { a: 1, b: 'one' },
          { a: 2, b: "a; 'b'" },
        ]),
      );
      await run({ script: `DROP TABLE ${t}` });
    });

    it('takes values only as values, whatever is in them', async () => {
      const t = table();
      await run({ script: `CREATE TABLE ${t} (a INTEGER, b VARCHAR(60), c VARCHAR(60))` });
      const query = `INSERT INTO ${t} VALUES (${nth(1)}, ${nth(2)}, ${nth(3)})`;
      const params = { name: `x'; DROP TABLE ${t}; --`, numbers: [1, 2] };
      expect(await run({ query, bind: [5, '${name}', '${numbers}'] }, { params })).toEqual(succeeded([]));
      expect(await run({ query: `SELECT * FROM ${t} WHERE b = ${nth(1)}`, bind: ['${name}'] }, { params })).toEqual(
        succeeded([{ a: 5, b: params.name, c: '[1,2]' }]),
      );
      await run({ script: `DROP TABLE ${t}` });
    });

    it('does all of a script or nothing', async () => {
      const t = table();
      await run({ script: `CREATE TABLE ${t} (a INTEGER PRIMARY KEY)` });
      const twice = await run({ script: `INSERT INTO ${t} VALUES (1); INSERT INTO ${t} VALUES (1)` });
      expect(twice).toMatchObject({ kind: 'failed', fault: { code: 'SQL_FAILED' } });
      expect(await run({ query: `SELECT count(*) AS n FROM ${t}` })).toMatchObject({ outputs: { rowCount: 1 } });
      expect(await run({ query: `SELECT a FROM ${t}` })).toEqual(succeeded([]));
      await run({ script: `DROP TABLE ${t}` });
    });

    it('fails on more rows than are wanted, and on a statement that is none', async () => {
      const query = 'SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3';
      expect(await run({ query, rowsMax: 3 })).toMatchObject({ outputs: { rowCount: 3 } });
      expect(await run({ query, rowsMax: 2 })).toMatchObject({ fault: { code: 'OUTPUT_TOO_LARGE' } });
      const fault = { code: 'SQL_FAILED', message: expect.stringMatching(/syntax/i) };
      expect(await run({ query: 'SELEC 1' })).toMatchObject({ kind: 'failed', fault });
    });

    it('is interrupted in the database by a cancel (known fault 23), and holds nothing up meanwhile', async () => {
      const fixture = start({ query: slowQuery });
      let turnCount = 0;
      const turn = (): void => {
        turnCount += 1;
        if (turnCount === 100) fixture.running.cancel('graceful');
        else setTimeout(turn, 1);
      };
      turn();
      expect(await fixture.result).toEqual({ kind: 'cancelled' });
      expect(turnCount).toBe(100);
    });
  });
}
