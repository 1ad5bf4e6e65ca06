/** Plain JSON values: the only kind of data that events, parameters and outputs may carry. */
import { z } from 'zod';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** Any JSON value. Numbers must be finite. */
export const jsonValueSchema: z.ZodType<JsonValue> = z.json() as z.ZodType<JsonValue>;

export const jsonRecordSchema = z.record(z.string(), jsonValueSchema);

export type JsonRecord = z.infer<typeof jsonRecordSchema>;
