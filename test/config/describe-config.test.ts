import { describe, expect, test } from 'vitest';
import { configSchema } from '../../schemas/config.schema.ts';
import { describeConfig } from '../../src/config/describe-config.ts';
import { baseEnvironment } from '../../src/config/environment.ts';
import { maskAddress, maskSecrets } from '../../src/config/mask-secrets.ts';

describe('a configuration that may be logged', () => {
  test('hides the credentials of every address and keeps the rest', () => {
    const config = configSchema.parse({
      nats: { servers: ['nats://user:pass@a:4222', 'token@b:4222', 'nats://c:4222'] },
      store: { connectionString: 'esdb+discover://admin:p@ss/word@store:2113?tls=true' },
      clusters: { prod: { kind: 'yarn', user: 'etl', addresses: ['http://u:p@rm:8088', 'http://rm2:8088'] } },
    });
    const described = describeConfig(config);
    expect(described).toMatchObject({
      nats: { servers: ['nats://***@a:4222', '***@b:4222', 'nats://c:4222'], replicas: 1 },
      store: { connectionString: 'esdb+discover://***@store:2113?tls=true' },
      worker: { slots: 16 },
      clusters: { prod: { user: 'etl', addresses: ['http://***@rm:8088', 'http://rm2:8088'] } },
    });
  });

  test('an address inside a sentence is masked, the words around it stay', () => {
    expect(maskSecrets('nothing at nats://u:p@h:1 or esdb://x@y now')).toBe(
      'nothing at nats://***@h:1 or esdb://***@y now',
    );
    expect(maskAddress('plain-host:4222')).toBe('plain-host:4222');
  });
});

test('a shell task inherits five variables at most', () => {
  const env = { PATH: '/bin', HOME: '/home/u', LANG: 'C', MILLRACE_NATS_SERVERS: 'nats://u:p@h', AWS_SECRET: 'x' };
  expect(baseEnvironment(env)).toEqual({ PATH: '/bin', HOME: '/home/u', LANG: 'C' });
});
