// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are what is tested.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonRecord } from '../../schemas/json.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { checkDefinition } from '../../src/definitions/check-definition.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { loadPlugins } from '../../src/tasks/plugin/package-plugins.adapter.ts';
import { createPluginTaskType } from '../../src/tasks/plugin/plugin.task-type.ts';
import { pluginFaults } from '../../src/tasks/plugin/plugin-faults.ts';
import type { PluginContext, TaskPlugin } from '../../src/tasks/plugin/task-plugin.port.ts';
import type { AttemptContext } from '../../src/tasks/task-type.port.ts';
import { createSteppedClock } from '../worker/stepped-clock.ts';
import { closeAttempts, type FixtureOptions, runAttempt } from './attempt-fixture.ts';

const examples = new URL('../../examples/plugin/', import.meta.url).pathname;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plugin-test-'));
});
afterEach(closeAttempts);
afterEach(() => rmSync(folder, { recursive: true }));

function pluginOf(start: TaskPlugin['start'], more: Partial<TaskPlugin> = {}): TaskPlugin {
  return { apiVersion: 1, name: 'own', check: () => [], start, ...more };
}

function run(plugin: TaskPlugin, settings: JsonRecord = {}, options: FixtureOptions = {}) {
  const taskType = createPluginTaskType(new Map([[plugin.name, plugin]]));
  return runAttempt(taskType, { type: 'plugin', plugin: plugin.name, settings }, options);
}

describe('a plugin task', () => {
  it('has its settings filled in, and what it resolves to as outputs', async () => {
    const settings = { text: 'of ${who}', list: '${list}', at: ['$[yyyyMMdd]'] };
    const options = { params: { who: 'Ada', list: [1, 2] } };
    const fixture = run(
      pluginOf(async ({ settings: filled, task }) => ({ filled, task })),
      settings,
      options,
    );
    const filled = { text: 'of Ada', list: [1, 2], at: ['20240229'] };
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: { filled, task: 'step' } });
  });

  it('writes to the log of its attempt, and has a folder', async () => {
    const plugin = pluginOf(async ({ writeLog, folder: own }) => {
      writeLog('begun\n');
      writeFileSync(join(own(), 'a'), '');
      return {};
    });
    const fixture = run(plugin);
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: {} });
    expect(fixture.output()).toBe('begun\n');
  });

  it('of the example has a schema of its settings that names all that its check takes', async () => {
    const plugin = (await loadPlugins(['./greeting.mjs'], examples)).get('greeting');
    const { properties = {} } = plugin?.settingsSchema ?? {};
    expect(plugin?.check({ who: 'Ada', language: 'en', afterMs: 1 })).toEqual([]);
    expect(Object.keys(properties as JsonRecord)).toEqual(['who', 'language', 'afterMs']);
  });

  it('tells of applications that it has started, and of nothing else', async () => {
    const id = 'application_1700000000000_0001';
    const good = run(
      pluginOf(async ({ foundApplication }) => {
        foundApplication({ cluster: 'hadoop', id });
        return {};
      }),
    );
    await good.result;
    expect(good.applications).toEqual([{ kind: 'yarn', id, cluster: 'hadoop' }]);
    const bad = run(
      pluginOf(async ({ foundApplication }) => {
        foundApplication({ cluster: 'hadoop', id: 'mine' });
        return {};
      }),
    );
    expect(JSON.stringify(await bad.result)).toContain('expected the id of an application, found');
    expect(bad.applications).toEqual([]);
  });

  it.each<[string, TaskPlugin['start'], string]>([
    ['rejects', () => Promise.reject(new Error('no such table')), 'PLUGIN_FAILED'],
    [
      'throws',
      () => {
        throw new Error('no such table');
      },
      'PLUGIN_FAILED',
    ],
    ['resolves to a list', async () => [1] as never, 'OUTPUT_INVALID'],
    ['resolves to too much', async () => ({ text: 'x'.repeat(70_000) }), 'OUTPUT_TOO_LARGE'],
  ])('that %s fails', async (_name, start, code) => {
    expect(await run(pluginOf(start)).result).toMatchObject({ kind: 'failed', fault: { code } });
  });

  it('is told of a cancel', async () => {
    const waits = ({ signal }: PluginContext) =>
      new Promise<JsonRecord>((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))));
    const fixture = run(pluginOf(waits));
    fixture.running.cancel('graceful');
    expect(await fixture.result).toEqual({ kind: 'cancelled' });
  });

  it('that does not heed a cancel holds its attempt for a grace period only', async () => {
    const clock = createSteppedClock();
    let finish = (): void => {};
    const deaf = () =>
      new Promise<JsonRecord>((resolve) => {
        finish = () => resolve({ late: true });
      });
    const fixture = run(pluginOf(deaf), {}, { clock });
    fixture.running.cancel('graceful');
    fixture.running.cancel('now');
    clock.advance(10_000);
    expect(await fixture.result).toEqual({ kind: 'cancelled' });
    finish();
    expect(fixture.output()).toContain('did not end when it was cancelled');
  });

  it('of a plugin that the worker does not have fails', async () => {
    const taskType = createPluginTaskType(new Map([['own', pluginOf(async () => ({}))]]));
    const refusal = { code: 'PLUGIN_UNKNOWN', message: expect.stringContaining('Did you mean "own"?') };
    const fixture = runAttempt(taskType, { type: 'plugin', plugin: 'owm', settings: {} });
    expect(await fixture.result).toMatchObject({ kind: 'failed', fault: refusal });
  });

  it('is adopted when its plugin can', async () => {
    const adopted = pluginOf(async () => ({ by: 'start' }), { adopt: async ({ attemptId }) => ({ by: attemptId }) });
    const fixture = run(pluginOf(() => new Promise(() => {})));
    const ended: unknown[] = [];
    const context = { ...fixtureContext(fixture.offer), ended: (result: unknown) => void ended.push(result) };
    const none = { startedAt: undefined, process: undefined };
    const adopt = (plugin: TaskPlugin) => createPluginTaskType(new Map([['own', plugin]])).adopt?.(context, none);
    expect(await adopt(pluginOf(async () => ({})))).toBeUndefined();
    expect(await adopt(adopted)).toBeDefined();
    await new Promise(setImmediate);
    expect(ended).toEqual([{ kind: 'succeeded', outputs: { by: fixture.offer.attemptId } }]);
  });
});

/** As much of a context as an attempt without files needs. */
function fixtureContext(offer: Offer): AttemptContext {
  const context = { offer, outputSizeBytesMax: 1_000, secrets: { find: () => undefined } };
  return context as unknown as AttemptContext; // The rest is not asked for.
}

describe('a package', () => {
  it('is found in node_modules, and a file by its path', async () => {
    const place = join(folder, 'node_modules', '@acme', 'thing');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), '{"name":"@acme/thing","type":"module","exports":"./main.js"}');
    const text = (name: string) =>
      `export const taskPlugin = { apiVersion: 1, name: '${name}', check: () => [], start: async () => ({}) };`;
    writeFileSync(join(place, 'main.js'), text('thing'));
    writeFileSync(join(folder, 'own.mjs'), text('own'));
    const plugins = await loadPlugins(['@acme/thing', './own.mjs'], folder);
    expect([...plugins.keys()]).toEqual(['thing', 'own']);
    await expect(loadPlugins(['./own.mjs', './own.mjs'], folder)).rejects.toThrow('"own", which is taken');
  });

  it.each([
    ['that is not there', undefined, 'expected a package or a file that can be loaded from'],
    ['that does not export a plugin', 'export const a = 1;', 'expected that it exports a "taskPlugin"'],
    ['of another interface', "export const taskPlugin = { apiVersion: 2, name: 'a' };", 'apiVersion'],
    ['that is no program', 'export const = 1;', 'expected a package or a file that can be loaded from'],
  ])('%s is a fault of the configuration', async (_name, text, message) => {
    if (text !== undefined) writeFileSync(join(folder, 'p.mjs'), text);
    await expect(loadPlugins(['./p.mjs'], folder)).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: expect.stringContaining(message),
    });
  });
});

describe('the plugin of the example', () => {
  async function faultsOf(task: object): Promise<string[]> {
    const parsed = parseDefinition(JSON.stringify({ name: 'w', tasks: { a: { type: 'plugin', ...task } } }), 'w');
    if (parsed.kind === 'faults') throw new Error('expected a definition');
    const plugins = await loadPlugins(['./greeting.mjs'], examples);
    const checked = checkDefinition(parsed.definition, (definition) => pluginFaults(definition, plugins));
    return checked.kind === 'ok' ? [] : checked.faults.map(({ path, message }) => `${path}: ${message}`);
  }

  it('checks settings when a workflow is registered', async () => {
    expect(await faultsOf({ plugin: 'greeting', settings: { who: '${who}', language: '${language}' } })).toEqual([]);
    expect(await faultsOf({ plugin: 'greeting', settings: { language: 'xx', more: 1 } })).toEqual([
      'tasks[0].settings.settings.who: expected whom to greet',
      'tasks[0].settings.settings.language: expected one of en, de, fr, came "xx"',
      'tasks[0].settings.settings.more: expected no such setting',
    ]);
    expect(await faultsOf({ plugin: 'greting' })).toEqual([
      'tasks[0].settings.plugin: expected a plugin that is configured (greeting); came "greting"',
    ]);
  });

  it('is asked about the items of a map too', () => {
    const parsed = parseDefinition('name: w\ntasks: { a: { type: plugin, plugin: own } }', 'w');
    if (parsed.kind === 'faults') throw new Error('expected a definition');
    const [item] = parsed.definition.tasks;
    const settings = { type: 'map', over: [{ name: 'x', values: [1] }], task: item } as never; // As far as it is looked at.
    const definition = { ...parsed.definition, tasks: [{ ...parsed.definition.tasks[0], settings }] } as never;
    expect(pluginFaults(definition, new Map())).toMatchObject([
      { path: ['tasks', 0, 'settings', 'task', 'settings', 'plugin'] },
    ]);
  });

  it('that throws while it checks is a fault too', () => {
    const check = () => {
      throw new Error('broken');
    };
    const parsed = parseDefinition('name: w\ntasks: { a: { type: plugin, plugin: own } }', 'w');
    if (parsed.kind === 'faults') throw new Error('expected a definition');
    const plugins = new Map([['own', pluginOf(async () => ({}), { check })]]);
    expect(pluginFaults(parsed.definition, plugins)).toMatchObject([{ message: expect.stringContaining('broken') }]);
  });

  it('runs', async () => {
    const plugins = await loadPlugins(['./greeting.mjs'], examples);
    const settings = { type: 'plugin', plugin: 'greeting', settings: { who: '${who}', language: 'fr' } };
    const fixture = runAttempt(createPluginTaskType(plugins), settings, { params: { who: 'Ada' } });
    expect(await fixture.result).toEqual({ kind: 'succeeded', outputs: { text: 'Bonjour, Ada!' } });
  });
});
