/**
 * A worker in a process of its own, for a test that kills it: `<this> <data folder> <JSON of the plan>`. Its master stays
 * silent. Prints one line of JSON when all offers are answered.
 */
import { join } from 'node:path';
import type { WorkerConfig } from '../../schemas/config.schema.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createSqliteLedger } from '../../src/worker/sqlite-ledger.adapter.ts';
import { silence, startHarness } from './worker-harness.ts';

export type MortalPlan = { settings: object[]; worker?: Partial<WorkerConfig> };
export type MortalLife = { offers: Offer[]; replies: unknown[] };

const [dataDir = '', plan = '{}'] = process.argv.slice(2);
const { settings, worker = {} } = JSON.parse(plan) as MortalPlan;
const ledger = createSqliteLedger({ path: join(dataDir, 'worker.db') });
const clock = systemClock;
const harness = await startHarness({ dataDir, ledger, clock, worker, supervised: true, masterAnswer: silence });
const offers = settings.map((each) => harness.offer({ settings: each }));
const replies = await Promise.all(offers.map((offer) => harness.give(offer)));
console.log(JSON.stringify({ offers, replies } satisfies MortalLife));
