/** Asks the operating system for a free TCP port. Somebody else may take it before it is used: the caller must retry. */
import { createServer } from 'node:net';

export function pickFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0 }, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error(`No TCP port on ${host}.`));
      server.close(() => resolve(address.port));
    });
  });
}
