/** A launcher process for tests to kill outright: starts a server on the folder given, says so, and waits for its end. */
import { startNatsServer } from '../../../infra/nats/start-nats-server.ts';

const [dataDir = ''] = process.argv.slice(2);
const server = await startNatsServer({ dataDir, port: 0 });
process.stdout.write(`${server.url}\n`);
