/**
 * Networks for processes that are to be cut off: a network namespace for each, on one bridge, and relays from the bridge to
 * the servers, which listen on loopback only. A cut takes the link down: nobody is told, packets are lost.
 *
 * Needs `ip` (iproute2) and the right to make namespaces.
 */
import { execFileSync } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';

export type SeparateNetworks = {
  /** Where the servers are, as seen from the namespaces. */
  readonly host: string;
  /** What a process of that name is started with. */
  launcherOf(name: string): readonly string[];
  cut(name: string): void;
  heal(name: string): void;
  remove(): void;
};

/** Throws when the machine does not permit it. @param ports of the servers on loopback; the same are used on the bridge */
export async function separateNetworks(names: readonly string[], ports: readonly number[]): Promise<SeparateNetworks> {
  const base = `mr${process.pid}`;
  const subnet = `10.213.${process.pid % 256}`;
  const host = `${subnet}.1`;
  const spaceOf = (name: string) => `${base}-${name}`;
  const linkOf = (name: string) => `${base}v${names.indexOf(name)}`;
  const relays: Server[] = [];
  const remove = (): void => {
    for (const relay of relays) relay.close();
    for (const name of names) tryIp('netns', 'del', spaceOf(name));
    tryIp('link', 'del', base);
  };
  try {
    ip('link', 'add', base, 'type', 'bridge');
    ip('addr', 'add', `${host}/24`, 'dev', base);
    ip('link', 'set', base, 'up');
    for (const [index, name] of names.entries()) {
      const space = spaceOf(name);
      ip('netns', 'add', space);
      const address = `${subnet}.${index + 10}`;
      const mac = `02:00:00:00:00:${String(index + 10)}`;
      ip('link', 'add', linkOf(name), 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', space);
      ip('link', 'set', linkOf(name), 'master', base, 'up');
      ip('-n', space, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      // Else a failed search for its neighbour would tell this side of a cut after some seconds.
      ip('neigh', 'replace', address, 'lladdr', mac, 'dev', base, 'nud', 'permanent');
      for (const device of ['lo', 'eth0']) ip('-n', space, 'link', 'set', device, 'up');
    }
    for (const port of ports) relays.push(await relay(host, port));
  } catch (fault) {
    remove();
    throw fault;
  }
  return {
    host,
    launcherOf: (name) => ['ip', 'netns', 'exec', spaceOf(name)],
    cut: (name) => ip('link', 'set', linkOf(name), 'down'),
    heal: (name) => ip('link', 'set', linkOf(name), 'up'),
    remove,
  };
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
}

function tryIp(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // It was not made, or is gone.
  }
}

/** What one side sends, or ends, the other side gets. */
function relay(host: string, port: number): Promise<Server> {
  const server = createServer((outer) => {
    const inner = connect({ host: '127.0.0.1', port });
    join(outer, inner);
    join(inner, outer);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => resolve(server));
  });
}

function join(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}
