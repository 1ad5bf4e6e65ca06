/**
 * Results that runs may take from each other, in the file of the run index. Made from the journal alone, and bounded by it:
 * whatever has expired when a newer result is kept goes, and of too many the ones that expire first.
 */
import type Database from 'libsql';
import type { CacheKey } from '../../schemas/ids.ts';
import type { KeptResult } from './run-index.port.ts';

export const keptResultsSchema = `
  CREATE TABLE IF NOT EXISTS results (
    cacheKey TEXT PRIMARY KEY, source TEXT NOT NULL, finishedAt INTEGER NOT NULL, expiresAt INTEGER NOT NULL, outputs TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS results_by_expiry ON results (expiresAt);
`;

export const resultsKeptMax = 10_000;
/** So many may be there besides. */
const trimmedAfterCount = 500;

export type KeptResults = { keep(result: KeptResult): void; find(cacheKey: CacheKey): KeptResult | undefined };

export function keptResults(database: InstanceType<typeof Database>): KeptResults {
  // A result that is told again, or later than a newer one, changes nothing.
  const insert = database.prepare(`
    INSERT INTO results VALUES (?, ?, ?, ?, ?) ON CONFLICT (cacheKey) DO UPDATE
    SET source = excluded.source, finishedAt = excluded.finishedAt, expiresAt = excluded.expiresAt, outputs = excluded.outputs
    WHERE excluded.finishedAt > finishedAt`);
  const removeExpired = database.prepare('DELETE FROM results WHERE expiresAt <= ?');
  const removeExcess = database.prepare(
    'DELETE FROM results WHERE cacheKey IN (SELECT cacheKey FROM results ORDER BY expiresAt DESC LIMIT -1 OFFSET ?)',
  );
  const find = database.prepare('SELECT source, expiresAt, outputs FROM results WHERE cacheKey = ?');
  let untrimmedCount = 0;
  return {
    keep: ({ cacheKey, source, expiresAt, outputs }) => {
      insert.run([cacheKey, JSON.stringify(source), source.finishedAt, expiresAt, JSON.stringify(outputs)]);
      removeExpired.run([source.finishedAt]);
      untrimmedCount += 1;
      if (untrimmedCount < trimmedAfterCount) return;
      removeExcess.run([resultsKeptMax]);
      untrimmedCount = 0;
    },
    find: (cacheKey) => {
      const row = find.get([cacheKey]) as { source: string; expiresAt: number; outputs: string } | undefined | null;
      if (row === undefined || row === null) return undefined;
      // Reason for the casts: what `keep` has written.
      const source = JSON.parse(row.source) as KeptResult['source'];
      return { cacheKey, source, expiresAt: row.expiresAt, outputs: JSON.parse(row.outputs) as KeptResult['outputs'] };
    },
  };
}
