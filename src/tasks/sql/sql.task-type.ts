/**
 * `sql`: a query with bound values, whose rows are an output, or a script in one transaction. The connection lives for one
 * attempt. A cancel interrupts the statement in the database.
 */

import type { ParamScope } from '../../../actors/params/param-scope.ts';
import { fillValue } from '../../../actors/params/placeholder.ts';
import type { SqlSettings } from '../../../schemas/definition/program-settings.ts';
import type { ErrorCode } from '../../../schemas/errors.ts';
import type { JsonValue } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import { attemptScope, filledText, valueOrThrow } from '../attempt-scope.ts';
import { createPromisedTaskType } from '../promised-task.ts';
import { settingsOf } from '../settings-of.ts';
import { tooLarge } from '../shell-outputs.ts';
import type { AttemptContext, AttemptResult, TaskType } from '../task-type.port.ts';
import type { SqlConnection, SqlDrivers } from './sql-driver.port.ts';

export function createSqlTaskType(drivers: SqlDrivers): TaskType {
  return createPromisedTaskType('sql', (context, signal) => perform(context, signal, drivers));
}

async function perform(context: AttemptContext, signal: AbortSignal, drivers: SqlDrivers): Promise<AttemptResult> {
  try {
    const settings = settingsOf(context.offer, 'sql');
    const scope = attemptScope(context.offer, { secretOf: context.secrets.find });
    const address = filledText(settings.connection, scope);
    const connection = await opened(address, drivers);
    const interrupt = (): void => connection.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      signal.throwIfAborted();
      return await run(settings, connection, { scope, outputSizeBytesMax: context.outputSizeBytesMax });
    } finally {
      signal.removeEventListener('abort', interrupt);
      await connection.close().catch(() => {}); // What it said before counts.
    }
  } catch (fault) {
    return failedBy(fault);
  }
}

async function opened(address: string, drivers: SqlDrivers): Promise<SqlConnection> {
  const scheme = address.slice(0, Math.max(0, address.indexOf(':')));
  const open = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined;
  if (open !== undefined) return await open(address);
  // The address may hold a password: it is not told.
  const known = Object.keys(drivers).join(', ');
  throw new AppError('SQL_FAILED', `expected a connection that begins with one of ${known} and ":", found another one`);
}

type Surroundings = { scope: ParamScope; outputSizeBytesMax: number };

async function run(
  { query, script, bind, rowsMax }: SqlSettings,
  connection: SqlConnection,
  { scope, outputSizeBytesMax }: Surroundings,
): Promise<AttemptResult> {
  if (query === undefined) {
    await connection.script(script ?? '');
    return { kind: 'succeeded', outputs: {} };
  }
  const values = bind.map((value): JsonValue => valueOrThrow(fillValue(value, scope)));
  const { rows, isWhole } = await connection.query(query, values, rowsMax);
  if (!isWhole) {
    return failed('OUTPUT_TOO_LARGE', `expected at most ${rowsMax} rows, found more; add a LIMIT, or raise "rowsMax"`);
  }
  const outputs = { rows, rowCount: rows.length };
  const sizeBytes = Buffer.byteLength(JSON.stringify(outputs));
  return sizeBytes > outputSizeBytesMax ? tooLarge(sizeBytes, outputSizeBytesMax) : { kind: 'succeeded', outputs };
}

function failedBy(fault: unknown): AttemptResult {
  if (fault instanceof AppError) return failed(fault.code, fault.message);
  if (fault instanceof AggregateError) return failedBy(fault.errors[0]);
  return failed('SQL_FAILED', `the database refused: ${fault instanceof Error ? fault.message : String(fault)}`);
}

function failed(code: ErrorCode, message: string): AttemptResult {
  return { kind: 'failed', fault: { code, message } };
}
