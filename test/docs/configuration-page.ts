/** The page of all settings, from the schema of the configuration: name, variable, default, rule, meaning. */
import { configSchema } from '../../schemas/config.schema.ts';
import { type ConfigField, configFields, fieldsOf } from '../../src/config/config-fields.ts';
import { configMaps } from '../../src/config/config-maps.ts';
import { docCommentsOf } from './doc-comments.ts';
import { page, table } from './page.ts';

const comments = docCommentsOf(new URL('../../schemas/config.schema.ts', import.meta.url));
const defaults: unknown = configSchema.parse({});

/** Of settings whose name says it all to whoever reads the schema. */
const meanings: Record<string, string> = {
  logLevel: 'What is logged: this level and those before it.',
  'store.appendDeadlineMs': 'Longest time for one append, repetitions included.',
  'master.balancer': 'How one of several workers is chosen.',
  'master.heartbeatIntervalMs': 'How often the membership is renewed.',
  'master.pingTimeoutMs':
    'A ping that is not answered within this time says nothing: the expiry of the membership decides.',
  'master.offerTimeoutMs': 'Longest wait for the answer to an offer or a takeover; then it is repeated.',
  'master.cancelTimeoutMs': 'Longest wait for the answer to a cancellation; then it is repeated.',
  'master.busyMemory': 'The same for memory.',
  kind: 'The kind of the cluster.',
  killRepeatIntervalMs: 'Wait between looks, and kills, meanwhile.',
  'worker.groups': 'Worker groups whose tasks it takes.',
  'worker.heartbeatIntervalMs': 'How often the membership is renewed.',
  'worker.reportRetryDelayMaxMs': 'The longest of these waits.',
  'worker.outputSizeBytesMax': 'Outputs of one attempt; more fail the task.',
};

export function configurationPage(): string {
  const sections = new Set(configFields.map(sectionOf));
  return page(
    'Configuration',
    'File, then environment, then flags; later ones win. [How to give them](command-line.md#configuration). Each setting has a variable:',
    '`MILLRACE_MASTER_MEMBER_TTL_MS` for `master.memberTtlMs`. Units stand in the names: `Ms` is milliseconds, `Bytes` is bytes.',
    '',
    ...[...sections].flatMap((section) => [
      `## ${section === '' ? 'Every process' : section}`,
      '',
      ...table(
        ['Setting', 'Default', 'Value', 'Meaning'],
        configFields.filter((field) => sectionOf(field) === section).map(rowOf),
      ),
      '',
    ]),
    ...configMaps.flatMap(mapSections),
  );
}

/** `clusters.<name>` of each kind. */
function mapSections({ name, kinds }: (typeof configMaps)[number]): string[] {
  const entry = name.replace(/s$/, '');
  return kinds.flatMap(({ kind, schema }) => {
    const constant = `${kind}${entry[0]?.toUpperCase()}${entry.slice(1)}ConfigSchema`;
    const fields = fieldsOf(schema, [name, '<name>']);
    const example = schema.safeParse(examples[kind]);
    const rows = fields.map((field) => {
      const key = field.path.at(-1) ?? '';
      const meaning = comments.get(`${constant}.${key}`) ?? comments.get(`${entry}Timings.${key}`) ?? meanings[key];
      if (meaning === undefined) throw new Error(`the setting ${field.name} has no meaning`);
      const value = (example.data as Record<string, unknown>)[key];
      const isGiven = key in (examples[kind] ?? {});
      return [`\`${field.name}\``, isGiven || value === undefined ? '' : shownDefault(value), field.expected, meaning];
    });
    return [
      `## ${name}: ${kind}`,
      '',
      'Only in the file: names of entries are chosen, so there are no variables.',
      '',
      ...table(['Setting', 'Default', 'Value', 'Meaning'], rows),
      '',
    ];
  });
}

/** The least that an entry of each kind says. */
const examples: Record<string, object> = {
  yarn: { kind: 'yarn', addresses: ['http://rm:8088'], user: 'etl' },
  kubernetes: { kind: 'kubernetes', kubeconfig: 'kubeconfig.yaml' },
};

function sectionOf({ path }: ConfigField): string {
  return path.slice(0, -1).join('.');
}

function rowOf(field: ConfigField): string[] {
  const { path, name, expected } = field;
  const section = path.length === 1 ? 'configSchema' : `${path.at(-2)}ConfigSchema`;
  const meaning = comments.get(`${section}.${path.at(-1)}`) ?? meanings[name];
  if (meaning === undefined) throw new Error(`the setting ${name} has no meaning; write one in configuration-page.ts`);
  return [`\`${name}\``, defaultOf(path), expected, meaning];
}

function defaultOf(path: readonly string[]): string {
  let value = defaults;
  for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step];
  return value === undefined ? '' : shownDefault(value);
}

function shownDefault(value: unknown): string {
  return `\`${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}\``;
}
