/** Items of maps are tasks of a replay like any other: told in the table, the timeline, the drawings, differences and causes. */
import { describe, expect, it } from 'vitest';
import { createCliColors } from '../../src/cli/output/colors.ts';
import { placedLines, taskTable } from '../../src/cli/replay/moment-lines.ts';
import { taskIn, taskPanel, whyPanel } from '../../src/cli/replay/panels.ts';
import { timelineLines } from '../../src/cli/replay/text-timeline.ts';
import { causesOf } from '../../src/replay/causes.ts';
import { differenceOf } from '../../src/replay/difference.ts';
import { graphSvg } from '../../src/replay/graph-svg.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { timelineOf } from '../../src/replay/timeline.ts';
import { whatIf } from '../../src/replay/what-if.ts';
import { fails, given, takes } from '../../src/test-kit/test-kit.ts';

const shards = (count: number) => `
name: shards
tasks:
  each:
    type: map
    over: { shard: [${Array.from({ length: count }, (_, at) => at).join(', ')}] }
    failures: continue
    task: { type: shell, command: x, retry: 1 }
  after: { type: shell, command: x, needs: each }
`;
const plain = createCliColors({ isTty: false, noColor: '1' });

const { history } = given(shards(3), { results: { 'each[1]': fails(), 'each[2]': takes('5s') } }).when().run;
const run = new ReplayedRun(history);
const running = history.events.findIndex(
  ({ type, data }) => type === 'TaskStarted' && (data as { task: string }).task === 'each[2]',
);

describe('items of a map', () => {
  it('stand below their map in the table, which says how many have ended', () => {
    const table = taskTable(run, run.lastRevision, plain).join('\n');
    expect(table).toMatch(/each +failed 3\/3/);
    expect(table).toMatch(/each\[1\] +failed +1 +worker-1/);
    expect(taskTable(run, running, plain).join('\n')).toMatch(/expanded 0\/3/);
  });

  it('show those that did not succeed first, when there are many', () => {
    const many = new ReplayedRun(given(shards(200), { results: { 'each[150]': fails() } }).when().run.history);
    const lines = placedLines(many, many.lastRevision).map(({ task }) => task);
    expect(lines.slice(0, 2)).toEqual(['each', 'each[150]']);
    expect(lines).toHaveLength(1 + 50 + 1);
  });

  it('have rows in the timeline, as text and for drawings', () => {
    expect(timelineOf(run).tasks.map(({ task }) => task)).toEqual(['each', 'each[0]', 'each[1]', 'each[2]', 'after']);
    expect(timelineLines(run, 100).find((line) => line.startsWith('each[2]'))).toMatch(/=+\+/);
  });

  it('are a bar in the box of their map', () => {
    const svg = graphSvg(run.at(run.lastRevision));
    expect(svg).toContain('<title>each: failed; 3 items: 2 succeeded, 1 failed</title>');
    expect(svg.match(/<g class="items">.*?<\/g>/)?.[0].match(/<rect/g)).toHaveLength(2);
  });

  it('differ one by one, and their map does not tell them again', () => {
    const { tasks } = differenceOf(run.at(running), run.at(run.lastRevision));
    expect(tasks.map(({ task }) => task)).toEqual(['each', 'each[0]', 'each[1]', 'each[2]', 'after']);
    expect(JSON.stringify(tasks.find(({ task }) => task === 'each'))).not.toContain('"root"');
    expect(tasks.find(({ task }) => task === 'each[1]')?.changes).toContainEqual({
      field: 'status',
      before: 'running',
      after: 'failed',
    });
  });

  it('can be asked about by name', () => {
    expect(whyPanel(run, running, taskIn(run, 'each[2]'))[0]).toContain('each[2]');
    expect(taskPanel(run, run.lastRevision, 'each[1]')[0]).toBe('each[1] is failed');
    expect(() => taskIn(run, 'each[9]')).toThrow('each has 3 items, from each[0] on');
    const ended = history.events.findIndex(({ type }) => type === 'TaskFailed');
    expect(causesOf(run, ended).map(({ type }) => type)).toEqual([
      'TaskFailed',
      'TaskStarted',
      'TaskAccepted',
      'TaskAssigned',
      'TaskExpanded',
      'WorkflowSubmitted',
    ]);
  });

  it('run in a what-if as they were recorded', () => {
    const [pinned] = history.definitions;
    if (pinned === undefined) throw new Error('no definition');
    const tasks = pinned.definition.tasks.map((task) =>
      task.settings.type === 'map' ? { ...task, settings: { ...task.settings, concurrency: 1 } } : task,
    );
    const { end, changed } = whatIf(history, { definition: { ...pinned.definition, tasks } });
    expect(end).toMatchObject({
      recorded: { status: 'failed', afterMs: 5_000 },
      changed: { status: 'failed', afterMs: 7_000 },
    });
    expect(changed.statuses.latest(taskIn(run, 'each[1]'), changed.lastRevision)?.to).toBe('failed');
  });
});
