import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configSchema } from '../../schemas/config.schema.ts';
import { configFields } from '../../src/config/config-fields.ts';
import { type ConfigSources, loadConfig } from '../../src/config/load-config.ts';
import { AppError } from '../../src/errors/app-error.ts';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'millrace-config-'));
});

afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const load = (sources: Partial<ConfigSources> = {}) => loadConfig({ env: {}, cwd, ...sources });

function writeFile(text: string, name = 'millrace.yaml'): void {
  writeFileSync(join(cwd, name), text);
}

function refusal(sources: Partial<ConfigSources> = {}): AppError {
  try {
    load(sources);
  } catch (fault) {
    if (fault instanceof AppError) return fault;
    throw fault;
  }
  throw new Error('expected the configuration to be refused');
}

describe('precedence', () => {
  test('without file, variables and flags every setting has its default', () => {
    expect(load()).toEqual(configSchema.parse({}));
  });

  test('a file sets, a variable beats the file, a flag beats both', () => {
    writeFile('worker: { slots: 2, drainDeadlineMs: 5 }\nlogLevel: warn\n');
    const config = load({
      env: { MILLRACE_WORKER_SLOTS: '3', MILLRACE_LOG_LEVEL: 'error' },
      overrides: [{ setting: 'worker.slots', value: '4', flag: '--slots' }],
    });
    expect(config.worker.slots).toBe(4);
    expect(config.worker.drainDeadlineMs).toBe(5);
    expect(config.logLevel).toBe('error');
  });

  test('a named file is read instead of millrace.yaml, as JSON too', () => {
    writeFile('logLevel: warn\n');
    writeFile('{"logLevel": "debug"}', 'other.json');
    expect(load({ file: 'other.json' }).logLevel).toBe('debug');
  });

  test('an empty variable counts as unset, and so does an empty section of the file', () => {
    writeFile('worker:\n  # slots: 2\nmaster:\n  id:\n');
    const config = load({ env: { MILLRACE_LOG_LEVEL: '', MILLRACE_MASTER_ID: '' } });
    expect(config).toEqual(configSchema.parse({}));
  });

  test('a list in a variable is separated by commas', () => {
    const config = load({ env: { MILLRACE_NATS_SERVERS: 'nats://a:4222, nats://b:4222' } });
    expect(config.nats.servers).toEqual(['nats://a:4222', 'nats://b:4222']);
  });

  test('every setting of the schema can be set by its variable', () => {
    const variables = configFields.map((field) => field.variable);
    expect(variables).toContain('MILLRACE_MASTER_MEMBER_TTL_MS');
    expect(variables).toContain('MILLRACE_STORE_APPEND_ATTEMPT_TIMEOUT_MS');
    expect(new Set(variables).size).toBe(variables.length);
    const sample = { text: 'random', number: '1', list: 'random' } as const;
    for (const field of configFields) {
      if (field.name === 'logLevel' || field.name === 'worker.onLeaseLost') continue;
      const config = load({ env: { [field.variable]: sample[field.kind] } });
      const value = field.path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], config);
      expect([field.name, String(value)]).toEqual([field.name, sample[field.kind]]);
    }
  });

  test('the result cannot be changed', () => {
    const config = load();
    expect(() => {
      config.worker.slots = 1;
    }).toThrow(TypeError);
  });
});

describe('warnings', () => {
  function warnings(env: Record<string, string>): string[] {
    const sentences: string[] = [];
    load({ env, onWarning: (sentence) => sentences.push(sentence) });
    return sentences;
  }

  test('an unknown variable with our prefix is named with its nearest setting', () => {
    expect(warnings({ MILLRACE_WORKER_SLOT: '3', MILLRACE_QQQ: '1', OTHER: '1' })).toEqual([
      'The variable MILLRACE_QQQ is not a setting; it is ignored.',
      'The variable MILLRACE_WORKER_SLOT is not a setting; did you mean MILLRACE_WORKER_SLOTS? It is ignored.',
    ]);
  });

  test('variables of the test suite and of shell tasks are no mistake', () => {
    expect(warnings({ MILLRACE_TEST_SEED: '1', MILLRACE_UPDATE: '1', MILLRACE_INSTANCE: 'x' })).toEqual([]);
  });
});

describe('wrong configuration', () => {
  const sentences: [string, string, Partial<ConfigSources>, string][] = [
    [
      'a wrong type in the file',
      'logLevel: info\nworker:\n  slots: many\n',
      {},
      'millrace.yaml:3: worker.slots: expected a whole number from 1 to 10000, found "many".',
    ],
    [
      'a number outside its range in a variable',
      '',
      { env: { MILLRACE_MASTER_BUSY_CPU: '1.5' } },
      'variable MILLRACE_MASTER_BUSY_CPU: master.busyCpu: expected a number from 0 to 1, found 1.5.',
    ],
    [
      'text for a number in a flag',
      'worker: { slots: 2 }',
      { overrides: [{ setting: 'worker.slots', value: '2x', flag: '--slots' }] },
      'flag --slots: worker.slots: expected a whole number from 1 to 10000, found "2x".',
    ],
    [
      'an unknown choice',
      'master:\n  balancer: fastest\n',
      {},
      'millrace.yaml:2: master.balancer: expected one of lowerWeight, leastBusyOfTwo, roundRobin, random, found "fastest".',
    ],
    [
      'a name that breaks its pattern inside a list',
      'worker:\n  groups: [default, "-a"]\n',
      {},
      'millrace.yaml:2: worker.groups: expected that a worker group is a letter followed by up to 62 letters, digits, "_" or "-", found "-a".',
    ],
    [
      'a mistyped setting in a section',
      'worker:\n  slotz: 2\n',
      {},
      'millrace.yaml:2: "worker.slotz" is not a setting; did you mean "worker.slots"?',
    ],
    [
      'a setting in the wrong section',
      'slots: 2\n',
      {},
      'millrace.yaml:1: "slots" is not a setting; did you mean "worker.slots"?',
    ],
    [
      'a setting that resembles nothing',
      'nats:\n  colour: red\n',
      {},
      'millrace.yaml:2: "nats.colour" is not a setting; expected one of servers, replicas, credentialsFile.',
    ],
    [
      'a value for a section',
      'store: esdb://x\n',
      {},
      'millrace.yaml:1: store: expected a section of settings, found "esdb://x".',
    ],
    [
      'a list for the whole file',
      '- a\n',
      { env: { MILLRACE_WORKER_SLOTS: '3' } },
      'millrace.yaml:1: the configuration: expected a section of settings, found ["a"].',
    ],
    [
      'a kind of cluster that there is not',
      'clusters:\n  prod:\n    kind: mesos\n',
      {},
      'millrace.yaml:3: clusters.prod.kind: expected one of yarn, kubernetes, found "mesos".',
    ],
    [
      'a cluster without its user',
      'clusters:\n  prod:\n    kind: yarn\n    addresses: [http://rm:8088]\n',
      {},
      'millrace.yaml:2: clusters.prod.user: expected text, found nothing.',
    ],
    [
      'a mistyped setting of a cluster',
      'clusters:\n  prod:\n    kind: yarn\n    addresses: [http://rm:8088]\n    user: etl\n    tokenfile: t\n',
      {},
      'millrace.yaml:6: "clusters.prod.tokenfile" is not a setting; did you mean "clusters.prod.tokenFile"?',
    ],
    [
      'an address of a cluster without a scheme',
      'clusters:\n  prod: { kind: yarn, user: etl, addresses: ["rm:8088"] }\n',
      {},
      'millrace.yaml:2: clusters.prod.addresses: expected that an address begins with http:// or https://, found "rm:8088".',
    ],
    [
      'a cluster with a kubeconfig and addresses',
      'clusters:\n  k: { kind: kubernetes, addresses: ["https://a"], kubeconfig: k.yaml }\n',
      {},
      'millrace.yaml:2: clusters.k.addresses: expected either addresses or a kubeconfig, found ["https://a"].',
    ],
    [
      'a cluster with a name that is none',
      'clusters:\n  a b: { kind: yarn, user: etl, addresses: ["http://a"] }\n',
      {},
      'millrace.yaml:2: clusters.a b: expected that a cluster name is a letter followed by up to 62 letters, digits, "_" or "-", found {"kind":"yarn","user":"etl","addresses":["http://a"]}.',
    ],
    [
      'a file that does not exist',
      '',
      { file: 'missing.yaml' },
      'missing.yaml: expected a readable configuration file, found none (ENOENT).',
    ],
  ];

  test.each(sentences)('%s is refused at its source', (_name, text, sources, expected) => {
    if (text !== '') writeFile(text);
    const fault = refusal(sources);
    expect(fault.code).toBe('BAD_CONFIGURATION');
    expect(fault.message).toBe(expected);
  });

  test('broken YAML names its line', () => {
    writeFile('worker:\n  slots: [1\n');
    expect(refusal().message).toMatch(/^millrace\.yaml:\d: expected YAML or JSON, found a fault: /);
  });

  test('all faults are told at once, one on each line', () => {
    writeFile('worker: { slots: 0 }\nlogLevel: loud\n');
    expect(refusal({ env: { MILLRACE_NATS_REPLICAS: '9' } }).message.split('\n')).toHaveLength(3);
  });

  test('the details name source, expected, found and nearest for programs', () => {
    writeFile('worker:\n  slotz: 2\n');
    expect(refusal().details).toEqual({
      faults: [
        {
          kind: 'unknownSetting',
          source: 'millrace.yaml:2',
          setting: 'worker.slotz',
          expected: expect.stringContaining('slots'),
          nearest: 'worker.slots',
        },
      ],
    });
  });

  test('a password in a wrong value is not repeated', () => {
    writeFile('nats: { servers: "nats://user:secret@host" }\n');
    expect(refusal().message).toContain('found "nats://***@host"');
  });
});
