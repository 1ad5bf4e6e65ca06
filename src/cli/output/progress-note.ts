/** How far a long command is: a line that is drawn again on a terminal; elsewhere a note now and then. */
import type { Clock, Timer } from '../../clock/clock.port.ts';
import { limits } from '../limits.ts';
import type { Screen } from '../screen.ts';
import { createLiveBlock } from './live-block.ts';

export type Progress = { changed(): void; finish(): void };

export function createProgress(
  { screen, clock, json }: { screen: Screen; clock: Clock; json: boolean },
  line: () => string,
): Progress {
  if (screen.isTty && !json) {
    return createLiveBlock({ ...screen, clock, rows: screen.rows(), lines: () => [line()] });
  }
  let timer: Timer | undefined;
  const note = (): void => {
    screen.note(line());
    timer = clock.after(limits.certifyNoteIntervalMs, note);
  };
  timer = clock.after(limits.certifyNoteIntervalMs, note);
  return { changed: () => undefined, finish: () => timer?.cancel() };
}
