/** The other end of the bare loop: answers each message with one message. Arguments: NATS address. */
import { connect } from 'nats';

const connection = await connect({ servers: process.argv[2] ?? '' });
connection.subscribe('bare.work', { callback: (_, message) => connection.publish('bare.done', message.data) });
await connection.flush();
process.send?.({ ready: true });
process.once('SIGTERM', () => void connection.close().then(() => process.exit(0)));
