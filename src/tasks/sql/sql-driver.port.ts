/** A database, as a `sql` task sees it. */
import type { JsonRecord, JsonValue } from '../../../schemas/json.ts';

export type SqlRows = {
  rows: JsonRecord[];
  /** False when there were more than were wanted. */
  isWhole: boolean;
};

export interface SqlConnection {
  /** One statement with its values. Objects and lists among these go in as JSON text. */
  query(statement: string, bind: readonly JsonValue[], rowsMax: number): Promise<SqlRows>;
  /** Several statements, all or none. */
  script(statements: string): Promise<void>;
  /** Ends the statement that runs: its promise rejects soon. */
  interrupt(): void;
  close(): Promise<void>;
}

/** Rejects when the database cannot be reached. */
export type OpenSql = (address: string) => Promise<SqlConnection>;

/** By the scheme of the address: `sqlite`, `postgresql`, `mysql`. */
export type SqlDrivers = Readonly<Record<string, OpenSql>>;
