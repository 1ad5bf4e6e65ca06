// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the templates are what is tested.
/** A secret is in no file of a run, page or answer of the replay: not even when its task printed it, put it out or failed with it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { subjects } from '../../schemas/messages/subjects.ts';
import { clientSource } from '../../src/cli/run-histories.ts';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { htmlPage } from '../../src/replay/html-page.ts';
import { inspectionMessages } from '../../src/replay/inspection.ts';
import { momentView } from '../../src/replay/moment-view.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { runFileLines } from '../../src/replay/run-file.ts';
import { loadHistory } from '../../src/replay/run-history.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

const secret = 'correct-horse"battery staple';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1', { secrets: { token: secret } });
});
afterEach(() => cluster.stop());

const text = `
name: leaking
params: { token: { secret: token }, address: 'https://\${token}@host' }
tasks:
  prints: { type: shell, command: 'echo "$MILLRACE_PARAM_token"; echo "said=$MILLRACE_PARAM_token" >> "$MILLRACE_OUTPUT"' }
  derived: { type: shell, command: 'echo "\\$\\{setValue(at=$MILLRACE_PARAM_address)\\}"; echo "url=$MILLRACE_PARAM_address" >> "$MILLRACE_OUTPUT"' }
  passedOn: { type: shell, needs: prints, command: 'echo "got=\${said}" >> "$MILLRACE_OUTPUT"' }
  fails: { type: shell, command: 'echo "$MILLRACE_PARAM_token" >&2; exit 3' }
`;

it('a secret that tasks print, put out, pass on and fail with is not there', async () => {
  const parsed = parseDefinition(text, 'leaking.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  await cluster.register(parsed.definition);
  const { instance } = await cluster.submit('leaking');
  const ended = await cluster.whenEnded(instance);
  expect(ended.tasks.find(({ task }) => task === 'prints')?.outputs).toEqual({ said: '***' });
  const source = clientSource({
    events: async (query) => (await cluster.ask(subjects.query('events'), query)) as never,
    definition: async (name, version) => (await cluster.ask(subjects.query('definition'), { name, version })) as never,
  });
  const run = new ReplayedRun(await loadHistory(source, instance));
  const left = [
    ...runFileLines(run.history),
    htmlPage(run, { revision: run.lastRevision, describe: ({ type, data }) => `${type} ${JSON.stringify(data)}` }),
    ...[...inspectionMessages(run)].map((message) => JSON.stringify(message)),
    ...Array.from({ length: run.length }, (_, revision) => JSON.stringify(momentView(run, revision))),
  ].join('\n');
  expect(left).toContain('***');
  expect(left).toContain('{"secret":"token"}');
  const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), secret.split('"')[0] ?? ''];
  for (const form of forms) expect(left).not.toContain(form);
});
