import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceId } from '../../schemas/ids.ts';
import { systemClock } from '../../src/clock/system-clock.adapter.ts';
import { createMemoryJournal } from '../../src/journal/memory-journal.adapter.ts';
import { journalSource } from '../../src/replay/journal-source.ts';
import { ReplayedRun } from '../../src/replay/replayed-run.ts';
import { parseRunFile, runFileLines } from '../../src/replay/run-file.ts';
import { loadHistory, type RunHistory } from '../../src/replay/run-history.ts';
import { certifiedDefinition, certifiedHistory, certifiedId } from '../kit/certified-runs.ts';
import { foldHistory, historiesFolder, readHistory } from '../kit/histories.ts';
import { writeRun } from '../kit/written-runs.ts';
import { runFilesOf } from '../sim/sim-run-files.ts';
import { simulate } from '../sim/simulate.ts';
import { choicesOfRun, playedRun } from './random-history.ts';

const instance = certifiedId('key-1');
const history: RunHistory = {
  instance,
  definitions: [{ version: 1, definition: certifiedDefinition }],
  events: certifiedHistory('key-1'),
};
const text = [...runFileLines(history)].join('');
const goldens = readdirSync(join(historiesFolder, '0.1')).filter((file) => file.endsWith('.jsonl'));

describe('the file of a run', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(choicesOfRun, (choices) => {
        const { history: played } = playedRun(choices);
        expect(parseRunFile([...runFileLines(played)].join(''), 'a file')).toEqual(played);
      }),
      { numRuns: 30 },
    );
    expect(parseRunFile(text, 'a file')).toEqual(history);
  });

  it.each(goldens)('of the first format is still read: %s', (file) => {
    const path = join(historiesFolder, '0.1', file);
    const run = new ReplayedRun(parseRunFile(readFileSync(path, 'utf8'), file));
    expect(run.broken).toBeUndefined();
    const { actor, snapshot } = run.at(run.lastRevision);
    expect(actor.store(snapshot)).toEqual(foldHistory(readHistory(path)));
  });

  it.each([
    ['', 'a file, line 1: the file is empty'],
    ['hello', 'a file, line 1: it is not JSON'],
    ['{"format": 3}', 'a file, line 1: expected a header'],
    [text.split('\n').slice(0, -3).join('\n'), 'expected 12 events, found 10: the file was cut off or changed'],
    [text.replace('"revision":3', '"revision":4'), 'a file, line 5: expected revision 3, found 4'],
    [text.replace('{"revision":3', '{"revisiom":3'), 'a file, line 5: expected an event'],
    [text.replace('{"revision":3', '{{'), 'a file, line 5: it is not JSON'],
  ])('that is none is refused with the place and the remedy: %#', (wrong, sentence) => {
    expect(() => parseRunFile(wrong, 'a file')).toThrow(sentence);
  });

  it('says at opening which event of it this build cannot read', () => {
    const changed = text.replace('"type":"TaskLost"', '"type":"TaskMelted"');
    expect(new ReplayedRun(parseRunFile(changed, 'a file')).broken).toEqual({
      revision: 6,
      message: 'the event TaskMelted at revision 6 cannot be read: this build knows no such event of a run',
    });
  });

  it('comes from a journal of which only reading is known', async () => {
    const journal = createMemoryJournal({ clock: systemClock });
    await writeRun(journal, instance, certifiedHistory('key-1'));
    const loaded = await loadHistory(journalSource(journal), instance);
    expect(loaded.events.map(({ type, data }) => ({ type, data }))).toEqual(
      history.events.map(({ type, data }) => ({ type, data })),
    );
    expect(loaded.definitions).toEqual(history.definitions);
    const nobody = '11111111-1111-4111-8111-111111111111' as InstanceId;
    await expect(loadHistory(journalSource(journal), nobody)).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
  });

  it('is what a seed of the simulation leaves of each run', async () => {
    const result = await simulate({ seed: 3, isRecording: true });
    const files = await runFilesOf(result);
    expect(files.length).toBe(result.runCount);
    for (const file of files) {
      const run = new ReplayedRun(parseRunFile(file.text, file.instance));
      expect(run.broken).toBeUndefined();
      expect(run.length).toBeGreaterThan(1);
    }
  });
});
