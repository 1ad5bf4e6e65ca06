/** The tour of docs/replay.md: each of its commands is run, and says what the page says, but for times and ids. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ProcessCluster, startProcessCluster } from '../kit/process-cluster.ts';

const repository = new URL('../../', import.meta.url).pathname;

type Shown = { words: string[]; lines: string[] };

/** Each `$ npx millrace ...` of the page with the lines that follow it. */
function shownCommands(): Shown[] {
  const page = readFileSync(join(repository, 'docs/replay.md'), 'utf8');
  const blocks = [...page.matchAll(/```console\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    block.split(/^\$ npx millrace /m).flatMap((part) => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      return command === '' ? [] : [{ words: command.split(' '), lines }];
    }),
  );
}

/** What differs from run to run is left out: numbers, ids, widths, how far an attempt was told of, and the bars of a timeline. */
function plain(line: string): string {
  return line
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, 'ID')
    .replace(/\|.*$/, '|')
    .replace(/\b(assigned|accepted|running) ->/, 'ATTEMPT ->')
    .replace(/\d+(\.\d+)?(ms|s)?/g, 'N')
    .replace(/\s+/g, ' ')
    .trim();
}

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await startProcessCluster({ workers: ['worker-1', 'worker-2'] });
  cpSync(join(repository, 'examples/replay'), join(cluster.folder, 'examples/replay'), { recursive: true });
});
afterAll(() => cluster.remove());

test('every command of the tour says what the page says', async () => {
  const commands = shownCommands();
  expect(commands.length).toBeGreaterThan(10);
  for (const { words, lines } of commands) {
    const { exitCode, output } = await cluster.millrace(...words);
    const failedRun = words.includes('--wait');
    expect(exitCode, `${words.join(' ')}\n${output}`).toBe(failedRun ? 1 : 0);
    const said = output.split('\n').map(plain);
    for (const line of lines.filter((one) => one !== '...')) expect(said, words.join(' ')).toContain(plain(line));
  }
});
