/**
 * A program of a user: submits runs over plain NATS and notes each receipt. Whoever kills it may start it again: it repeats
 * what it has no receipt for.
 *
 * Arguments: NATS address, workflow, file with one key per line, file for receipts (`<line> <receipt as JSON>`).
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'nats';

const [natsUrl, workflow, keyFile, receiptFile] = process.argv.slice(2);
const inFlightMax = 32;
const answerTimeoutMs = 3_000;
const retryDelayMs = 50;
/** Of the error catalogue: the same request may succeed later. */
const passingCodes = ['SHUTTING_DOWN', 'OVERLOADED', 'NATS_UNAVAILABLE', 'JOURNAL_UNAVAILABLE', 'INTERNAL'];

const keys = readFileSync(keyFile, 'utf8').trimEnd().split('\n');
const done = new Set(linesOf(receiptFile).map((line) => Number(line.split(' ', 1)[0])));
const waiting = keys.map((key, line) => ({ key, line })).filter(({ line }) => !done.has(line));
const nats = await connect({ servers: natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 50 });

await Promise.all(Array.from({ length: inFlightMax }, submitNext));
await nats.close();

async function submitNext() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const receipt = await receiptFor(next.key);
    appendFileSync(receiptFile, `${next.line} ${JSON.stringify(receipt)}\n`);
  }
}

async function receiptFor(key) {
  while (true) {
    try {
      const request = JSON.stringify({ key });
      const answer = await nats.request(`millrace.v1.submit.${workflow}`, request, { timeout: answerTimeoutMs });
      const reply = answer.json();
      if (reply.instance !== undefined) return reply;
      if (!passingCodes.includes(reply.code)) {
        throw new TypeError(`${key}: ${JSON.stringify(reply)}`);
      }
    } catch (fault) {
      if (fault instanceof TypeError) throw fault;
    }
    await sleep(retryDelayMs);
  }
}

function linesOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}
