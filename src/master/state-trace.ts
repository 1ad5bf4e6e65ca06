/**
 * Tells the hash of a run's state in the log after every so many events, as its owner has it: who replays the run must find
 * the same (I5). It costs the JSON of the whole state each time, and is off unless somebody asks for it.
 */
import { stateHashOf } from '../replay/state-hash.ts';
import type { Log } from '../telemetry/log.ts';
import type { LiveInstance } from './live-instance.ts';

/** @param everyEvents 0: never. Else after the append in which a multiple of it is reached. */
export function createStateTrace(everyEvents: number, log: Log): (live: LiveInstance, firstRevision: number) => void {
  if (everyEvents === 0) return () => {};
  return (live, firstRevision) => {
    const { id, actor, snapshot, revision } = live;
    if (Math.floor((revision + 1) / everyEvents) === Math.floor(firstRevision / everyEvents)) return;
    const { epoch } = snapshot.context;
    const stateHash = stateHashOf(actor.store(snapshot));
    log.info({ instanceId: id, streamRevision: revision, epoch, stateHash }, 'state of a run');
  };
}
