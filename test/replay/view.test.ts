/** The interactive view, driven as a person does: keys in, a screen out. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Key } from '../../src/cli/cli-deps.ts';
import { createCliColors } from '../../src/cli/output/colors.ts';
import { viewLines } from '../../src/cli/replay/view-lines.ts';
import { afterKey, firstView, type ViewState } from '../../src/cli/replay/view-state.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { runFileLines } from '../../src/replay/run-file.ts';
import type { RunHistory } from '../../src/replay/run-history.ts';
import { certifiedDefinition, certifiedHistory, certifiedId } from '../kit/certified-runs.ts';
import { keys, openTerminal } from '../kit/pseudo-terminal.ts';

const history: RunHistory = {
  instance: certifiedId('key-1'),
  definitions: [{ version: 1, definition: certifiedDefinition }],
  events: certifiedHistory('key-1'),
};
const run = new ReplayedRun(history);
const plain = createCliColors({ isTty: false, noColor: '1' });
const size = { columns: 100, rows: 30 };
const key = (text: string, name = text): Key => ({ name, text, hasCtrl: false });
const typed = (state: ViewState, text: string) =>
  [...text].reduce(
    (now, character) => afterKey(run, now, character === '\r' ? key(character, 'return') : key(character)),
    state,
  );
const shown = (state: ViewState) => viewLines(run, state, size, plain).join('\n');

it('opens, steps, seeks, compares, explains, crosses a takeover, reads its certificate, and quits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-view-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'run.jsonl');
  writeFileSync(file, [...runFileLines(history)].join(''));
  const program = new URL('../../src/main/millrace.main.ts', import.meta.url).pathname;
  const terminal = openTerminal([process.execPath, '--import', import.meta.resolve('tsx'), program, 'replay', file]);
  await terminal.shows('event 0 of 11');
  terminal.press(keys.right);
  await terminal.shows('event 1 of 11');
  terminal.press(keys.left);
  await terminal.shows('event 0 of 11');
  terminal.press(`:4${keys.enter}`);
  await terminal.shows('event 4 of 11');
  terminal.press(`${keys.down}w`);
  await terminal.shows('b waits for a (running).');
  terminal.press('m');
  await terminal.shows('event 4 is marked');
  terminal.press('o');
  await terminal.shows('master-1 on host-1, epoch 2');
  terminal.press('x');
  await terminal.shows('run: epoch 1 -> 2');
  terminal.press('e');
  await terminal.shows('> epoch 2: master-1 on host-1, claim 2, writes #5 to #11 (masterLost)');
  await terminal.shows('evidence: master-1 on host-1: last heartbeat 5000 ms ago');
  terminal.press(`/no answer${keys.enter}`);
  await terminal.shows('event 6 of 11');
  terminal.press('q');
  expect(await terminal.ended).toBe(0);
});

it('moves with every key that its help names, and says where nothing follows', () => {
  const start = firstView(run, 0);
  expect(typed(start, 'lll').revision).toBe(3);
  expect(typed(start, 'lllh').revision).toBe(2);
  expect(typed(start, 'G').revision).toBe(11);
  expect(typed(start, 'Gg').revision).toBe(0);
  expect(typed(start, 'oo').revision).toBe(5);
  expect(typed(start, 'ooO').revision).toBe(1);
  expect(typed(start, 'jt').revision).toBe(8);
  expect(typed(start, 'jtttT').revision).toBe(9);
  expect(typed(start, 'd').revision).toBe(1);
  expect(typed(start, ':+1s\r').revision).toBe(5);
  expect(typed(start, ':99\r').message).toContain('there is no state at revision 99: expected 0 to 11');
  expect(typed(start, ':soon\r').message).toContain('"soon" is no place in a run');
  expect(typed(start, 'h').message).toBe('there is no earlier event');
  expect(typed(start, 'Go').message).toBe('there is no later change of owner');
  expect(typed(start, '/TaskLost\rn').revision).toBe(6);
  expect(typed(start, '/nowhere\r').message).toBe('no event holds "nowhere"');
  expect(typed(start, ':12').prompt).toEqual({ kind: ':', text: '12' });
  const corrected = afterKey(run, typed(start, ':12'), key('', 'backspace'));
  expect(corrected.prompt).toEqual({ kind: ':', text: '1' });
  expect(afterKey(run, corrected, key('', 'escape')).prompt).toBeUndefined();
  expect(afterKey(run, start, { name: 'c', text: '', hasCtrl: true }).isOver).toBe(true);
  expect(typed(start, 'q').isOver).toBe(true);
  expect(typed(start, 'z')).toEqual(start);
});

it.each([
  ['i', 'decided by master-1 in epoch 2, because of the message cause-6'],
  ['w', 'a is ready'],
  ['c', '#6 TaskLost'],
  ['x', 'a: status running -> ready'],
  ['p', 'placeTask: task a'],
  ['f', 'closed task: running -> failed on TaskLost if isGivenUpLoss: the task may run again'],
  ['a', '+ pause (WorkflowPauseRequested)'],
  ['s', 'losses: 1'],
  ['?', 'up/down, k/j'],
])('shows its answers: %s', (pressed, text) => {
  expect(shown({ ...typed(firstView(run, 6), pressed) })).toContain(
    text === 'a is ready' ? 'a waits for a worker' : text,
  );
});

it.each([
  { columns: 40, rows: 10 },
  { columns: 80, rows: 24 },
  { columns: 200, rows: 60 },
])('fits a terminal of $columns by $rows', (terminal) => {
  for (const pressed of ['i', 'w', 'c', 'x', 'p', 'f', 'a', 'e', 's', '?', ':12']) {
    for (let revision = 0; revision <= run.lastRevision; revision += 1) {
      const lines = viewLines(run, typed(firstView(run, revision), pressed), terminal, plain);
      expect(lines.length).toBeLessThanOrEqual(Math.max(terminal.rows, 13));
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(terminal.columns);
    }
  }
});
