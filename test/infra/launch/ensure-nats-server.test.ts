/** The ways to a nats-server, one after the other, with stub programs and a release server on loopback. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LaunchSandbox } from './launch-sandbox.ts';

const version = '2.11.8';
const platformName = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
const cachedProgram = `node_modules/.cache/millrace/nats-server-${version}/nats-server`;
const aptInstalls = `mkdir -p "$SANDBOX/programs"
printf '#!/bin/sh\\necho "nats-server: v2.9.10"\\n' > "$SANDBOX/programs/nats-server"
chmod 755 "$SANDBOX/programs/nats-server"`;

let sandbox: LaunchSandbox;
let releases: Server;
let requestedPaths: (string | undefined)[];
let served: Buffer | undefined;

beforeEach(async () => {
  sandbox = new LaunchSandbox();
  sandbox.installBuild();
  sandbox.installPackages();
  requestedPaths = [];
  served = undefined;
  releases = createServer((request, response) => {
    requestedPaths.push(request.url);
    if (served === undefined) response.writeHead(404).end();
    else response.end(served);
  });
  releases.listen(0, '127.0.0.1');
  await once(releases, 'listening');
});

afterEach(() => {
  releases.close();
  sandbox.remove();
});

describe('present', () => {
  test('one on PATH is used and nothing is fetched', async () => {
    sandbox.installNatsServer();
    sandbox.program('apt-get', 'exit 1');

    const result = await start();

    expect(result).toMatchObject({ exitCode: 3, stderr: '' });
    expect(sandbox.calls()).toEqual([]);
    expect(requestedPaths).toEqual([]);
  });

  test('one that is too old is passed over', async () => {
    sandbox.installNatsServer('2.2.6');
    sandbox.program('apt-get', aptInstalls);

    expect((await start()).exitCode).toBe(3);
    expect(sandbox.calls()).toHaveLength(1);
  });
});

describe('by apt-get', () => {
  test('the package is installed without questions and its service is mentioned', async () => {
    sandbox.program('apt-get', `[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 5\n${aptInstalls}`);

    const result = await start();

    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain('service on port 4222; Millrace leaves it alone');
    expect(sandbox.calls()).toEqual([
      'apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends nats-server',
    ]);
  });

  test('the package lists are refreshed when the package is not found', async () => {
    sandbox.program(
      'apt-get',
      `if [ "$1" = update ]; then touch "$SANDBOX/lists"; exit 0; fi
[ -e "$SANDBOX/lists" ] || { echo "E: Unable to locate package"; exit 100; }
${aptInstalls}`,
    );

    expect((await start()).exitCode).toBe(3);
    expect(sandbox.calls().map((call) => call.includes('update'))).toEqual([false, true, false]);
  });
});

describe('by download', () => {
  test('a release with the pinned checksum is put into the cache and found there the next time', async () => {
    const archive = buildRelease();
    served = archive;
    pinChecksum(createHash('sha256').update(archive).digest('hex'));

    const first = await start();
    const second = await start();

    expect(first.stderr).toContain(`downloading nats-server ${version} from`);
    expect(first.exitCode).toBe(3);
    expect(second).toMatchObject({ exitCode: 3, stderr: '' });
    expect(requestedPaths).toEqual([`/v${version}/nats-server-v${version}-${platformName}.tar.gz`]);
    expect(execFileSync(sandbox.path(cachedProgram), ['--version'], { encoding: 'utf8' })).toContain(version);
  });

  test('a release with another checksum is refused and nothing of it is kept', async () => {
    served = buildRelease();

    const result = await start();

    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain('the download was refused: its SHA-256 is');
    expect(sandbox.has(cachedProgram)).toBe(false);
    expect(result.stdout).toBe('');
  });

  test('an archive without the program is refused', async () => {
    const archive = buildRelease('something-else');
    served = archive;
    pinChecksum(createHash('sha256').update(archive).digest('hex'));

    const result = await start();

    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain('the download does not hold nats-server-v');
  });

  test('every pinned checksum is a SHA-256', () => {
    const pins = [...releaseSource().matchAll(/'(\w+-\w+)': '([0-9a-f]+)'/g)];

    expect(pins.map(([, name]) => name)).toEqual(['linux-amd64', 'linux-arm64', 'darwin-amd64', 'darwin-arm64']);
    expect(pins.every(([, , sha256]) => sha256?.length === 64)).toBe(true);
  });
});

describe('no way', () => {
  test('one sentence names each way that failed and the remedy', async () => {
    sandbox.program('apt-get', 'echo "E: no network"; exit 100');

    const result = await start();

    expect(result.exitCode).toBe(69);
    const sentence = result.stderr.trim().split('\n').at(-1);
    expect(sentence).toContain(
      'apt-get ended with code 100: E: no network; the download failed: the server answered 404',
    );
    expect(sentence).toContain('put it on PATH and run the same command again.');
  });

  test('a platform without a pinned checksum gets the sentence, not a download', async () => {
    sandbox.replace('infra/launch/nats-server-release.mjs', 'process.platform', "'plan9'");

    const result = await start();

    expect(result.exitCode).toBe(69);
    expect(result.stderr).toContain('there is no apt-get; no pinned download for');
    expect(requestedPaths).toEqual([]);
  });
});

function start() {
  const address = releases.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return sandbox.run('start.mjs', [], { MILLRACE_NATS_RELEASES_URL: `http://127.0.0.1:${port}/` });
}

function releaseSource(): string {
  return readFileSync(sandbox.path('infra/launch/nats-server-release.mjs'), 'utf8');
}

function pinChecksum(sha256: string): void {
  sandbox.replace(
    'infra/launch/nats-server-release.mjs',
    new RegExp(`'${platformName}': '[0-9a-f]{64}'`),
    `'${platformName}': '${sha256}'`,
  );
}

/** A release archive as the real ones are: one folder with a few files, the program not the first. */
function buildRelease(programName = 'nats-server'): Buffer {
  const folder = `nats-server-v${version}-${platformName}`;
  sandbox.write(`release/${folder}/LICENSE`, 'x'.repeat(700));
  sandbox.write(`release/${folder}/${programName}`, `#!/bin/sh\necho 'nats-server: v${version}'\n`);
  return execFileSync('tar', [
    '-czf',
    '-',
    '-C',
    sandbox.path('release'),
    `${folder}/LICENSE`,
    `${folder}/${programName}`,
  ]);
}
