/**
 * A worker in a process of its own, for a test that kills it. Its master stays silent. Prints one line of JSON when it
 * holds a finished, a waiting and a shell attempt.
 */
import { join } from 'node:path';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createSqliteLedger } from '../../src/worker/sqlite-ledger.adapter.ts';
import { scripted, silence, startHarness } from './worker-harness.ts';

const dataDir = process.argv[2] ?? '';
const ledger = createSqliteLedger({ path: join(dataDir, 'worker.db') });
const harness = await startHarness({ dataDir, ledger, clock: systemClock, masterAnswer: silence });

const finished = harness.offer({ settings: scripted({ afterMs: 0, outputs: { rows: 3 } }) });
const waiting = harness.offer({ settings: { type: 'wait', durationMs: 600_000 } });
const command = 'echo begun; (sleep 600; sleep 600) & echo $! > pid; mv pid ready; sleep 600';
const shell = harness.offer({ settings: { type: 'shell', command, graceMs: 1_000 } });
const replies = await Promise.all([finished, waiting, shell].map((offer) => harness.give(offer)));
console.log(JSON.stringify({ finished, waiting, shell, replies }));
