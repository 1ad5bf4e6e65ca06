/** Maps over masters and workers in memory: values in, results out, a master lost in between. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDefinition } from '../../src/definitions/parse-definition.ts';
import { MemoryCluster } from '../kit/memory-cluster.ts';

let cluster: MemoryCluster;
beforeEach(async () => {
  cluster = await MemoryCluster.create();
  await cluster.startMaster('m1');
  await cluster.startWorker('w1');
});
afterEach(() => cluster.stop());

async function register(text: string): Promise<void> {
  const parsed = parseDefinition(text, 'test.yaml');
  if (parsed.kind === 'faults') throw new Error(JSON.stringify(parsed.faults));
  await cluster.register(parsed.definition);
}

describe('a map', () => {
  it('gives each item its values, and what needs it the results in order', async () => {
    await register(`
name: lines
tasks:
  list: { type: shell, command: 'echo "found=c;a;b" > "$MILLRACE_OUTPUT"' }
  each:
    type: map
    needs: list
    over: { letter: 'tasks.list.outputs.found.split(";")', number: [1, 2] }
    concurrency: 2
    task: { type: shell, command: 'echo "said=$letter$number" > "$MILLRACE_OUTPUT"' }
  join: { type: shell, needs: each, command: 'cp "$MILLRACE_INPUTS" inputs && node -p "JSON.parse(fs.readFileSync(process.env.MILLRACE_INPUTS)).needs.each.results.map((item) => item.said).join()" | sed s/^/all=/ > "$MILLRACE_OUTPUT"' }
`);
    const { instance } = await cluster.submit('lines', {});
    const { run, tasks } = await cluster.whenEnded(instance);
    expect(run.status).toBe('succeeded');
    expect(tasks.find(({ task }) => task === 'join')?.outputs).toEqual({ all: 'c1,c2,a1,a2,b1,b2' });
    expect(tasks.find(({ task }) => task === 'each')).toMatchObject({
      items: { count: 6 },
      outputs: { counts: { succeeded: 6, failed: 0, stopped: 0, skipped: 0 } },
    });
  });
});
