/** The generated configuration, for servers of different age. */
import { describe, expect, test } from 'vitest';
import { renderNatsConf, serverNameFor } from '../../../infra/nats/nats-conf.ts';
import { parseNatsLogLine } from '../../../infra/nats/nats-log-line.ts';
import { defaultRestartPolicy, restartDelayMs } from '../../../infra/nats/restart-policy.ts';

const options = { host: '127.0.0.1', port: 4333, storeDir: '/tmp/store', serverName: 'millrace-1' };

describe('the configuration', () => {
  test.each(['2.10.0', '2.11.8', '3.0.0'])('server %s is told to sync each write', (serverVersion) => {
    expect(renderNatsConf({ ...options, serverVersion })).toContain('sync_interval: always');
  });

  test('server 2.9.10 is not, as it does not know the word', () => {
    expect(renderNatsConf({ ...options, serverVersion: '2.9.10' })).not.toContain('sync_interval');
  });

  test('quotes in a folder name are escaped', () => {
    const conf = renderNatsConf({ ...options, storeDir: '/tmp/a "b"\\c', serverVersion: '2.11.8' });

    expect(conf).toContain('store_dir: "/tmp/a \\"b\\"\\\\c"');
  });

  test('the server name is the same for the same folder only', () => {
    expect(serverNameFor('/a')).toBe(serverNameFor('/a'));
    expect(serverNameFor('/a')).not.toBe(serverNameFor('/b'));
  });
});

describe('log lines', () => {
  test.each([
    ['[7] [INF] Server is ready', 'info', 'Server is ready'],
    ['[7] [WRN] Slow consumer', 'warn', 'Slow consumer'],
    ['[7] [FTL] No space', 'error', 'No space'],
    ['[7] 2026/11/20 23:57:18.505920 [ERR] Oops', 'error', 'Oops'],
    ['panic: nil', 'error', 'panic: nil'],
  ])('%s', (line, level, message) => {
    expect(parseNatsLogLine(line)).toEqual({ source: 'nats-server', level, message });
  });
});

test('the pause before a restart doubles up to its limit, within half of it by chance', () => {
  const shortestMs = [1, 2, 3, 10].map((restartCount) => restartDelayMs(defaultRestartPolicy, restartCount, 0));
  const longestMs = [1, 2, 3, 10].map((restartCount) => restartDelayMs(defaultRestartPolicy, restartCount, 1));

  expect(shortestMs).toEqual([50, 100, 200, 2_500]);
  expect(longestMs).toEqual([100, 200, 400, 5_000]);
});
