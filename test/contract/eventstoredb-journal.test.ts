/** The EventStoreDB adapter against the embedded node, and against any server named by MILLRACE_TEST_ESDB. */
import { afterAll, beforeAll } from 'vitest';
import { startTestEventStore, type TestServer } from '../kit/servers.ts';
import { openTestJournal } from './eventstoredb.ts';
import { journalContract } from './journal.contract.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestEventStore();
});
afterAll(() => server.remove());

journalContract('EventStoreDB adapter, embedded node', {
  open: async () => openTestJournal(server.url),
  appendSizeBytesMax: 1_048_576,
});

const otherServer = process.env.MILLRACE_TEST_ESDB;
if (otherServer) {
  journalContract('EventStoreDB adapter, MILLRACE_TEST_ESDB', {
    open: async () => openTestJournal(otherServer),
    appendSizeBytesMax: 1_048_576,
  });
}
