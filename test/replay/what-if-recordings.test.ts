import { describe, expect, it } from 'vitest';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import { Recordings } from '../../src/replay/what-if-recordings.ts';

const item = 't0[1]' as TaskName;
const recording = (attempt: number, attemptId: string, revision: number) => ({
  task: item,
  attempt,
  attemptId: attemptId as AttemptId,
  revision,
});

describe('what was recorded of attempts', () => {
  // An item of a map that was expanded twice had the number 1 twice.
  const twice = [recording(1, 'a', 5), recording(1, 'b', 14)];

  it('is given out once each, in its order (I4)', () => {
    const recordings = new Recordings(twice, 0);
    expect(recordings.next(item, 1)?.attemptId).toBe('a');
    recordings.give('a' as AttemptId);
    expect(recordings.next(item, 1)?.attemptId).toBe('b');
    recordings.give('b' as AttemptId);
    expect(recordings.next(item, 1)).toBeUndefined();
  });

  it('is not given out again when both runs have it in common (I4)', () => {
    expect(new Recordings(twice, 5).next(item, 1)?.attemptId).toBe('b');
    expect(new Recordings(twice, 14).next(item, 1)).toBeUndefined();
  });

  it('tells how an attempt goes: as the one of its id, else as the last one of its number', () => {
    const recordings = new Recordings(twice, 14);
    expect(recordings.of(recording(1, 'a', 0))?.revision).toBe(5);
    expect(recordings.of(recording(1, 'new', 0))?.revision).toBe(14);
    expect(recordings.of(recording(2, 'new', 0))).toBeUndefined();
  });
});
