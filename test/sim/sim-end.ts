/** What must hold when a simulated run is over and everything had time to settle. */
import { HistoryCheck } from '../../actors/invariants/check-history.ts';
import { checkOwnedHistory, type OwnedKind } from '../../actors/invariants/check-owned-history.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import { taskSummaries } from '../../actors/workflow-instance/workflow-instance.view.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { RunReply } from '../../schemas/messages/client.messages.ts';
import { claimSchema } from '../../schemas/messages/membership.messages.ts';
import { decodeInstanceEvent, streamPrefixes } from '../../src/journal/codec.ts';
import type { SimBucketServer } from './sim-buckets.ts';
import type { SimMonitor } from './sim-monitor.ts';
import type { SimMaster, SimWorker } from './sim-nodes.ts';
import type { SimRandom } from './sim-random.ts';
import type { SimStore } from './sim-store.ts';
import type { RunTrack } from './sim-tracks.ts';

export type Settling = {
  monitor: SimMonitor;
  masters: readonly SimMaster[];
  workers: readonly SimWorker[];
  claims: SimBucketServer;
};

function leftoversOf({ monitor, masters, claims }: Settling): string[] {
  const alive = new Set(masters.map(({ process }) => process.life?.incarnation));
  const isAlive = (incarnation: string | undefined) => incarnation !== undefined && alive.has(incarnation);
  const isClaimOfDead = (stream: string) => {
    const entry = claims.entry(stream.replace('-', '.'));
    return entry !== undefined && !isAlive(claimSchema.parse(entry.value).incarnation);
  };
  return monitor.concurrency.leftovers({ isAlive, isClaimOfDead });
}

/** Liveness: after the faults every run ends, and every result is acked. */
export function isSettled(settling: Settling): boolean {
  const { monitor, workers } = settling;
  for (const run of monitor.runs.values()) if (!run.isFinished) return false;
  if (leftoversOf(settling).length > 0) return false;
  return workers.every((worker) => worker.isRemoved || (worker.isUp && worker.disk.unsettled().length === 0));
}

export function checkLiveness(settling: Settling, limitMs: number): void {
  const { monitor, workers } = settling;
  for (const { stream, snapshot, isFinished, revision, epoch } of monitor.runs.values()) {
    if (isFinished) continue;
    const counts = Object.entries(snapshot.context.counts).filter(([, count]) => count > 0);
    const state = `${snapshot.value} at ${revision}, epoch ${epoch}, ${JSON.stringify(counts)}`;
    monitor.breach('I6', `${stream} has not ended ${limitMs} ms after the faults: ${state}`);
  }
  for (const leftover of leftoversOf(settling)) {
    monitor.breach('I8', `${leftover} ${limitMs} ms after the faults`);
  }
  for (const worker of workers) {
    const rows = worker.isRemoved ? [] : worker.disk.unsettled();
    for (const { attemptId, instance, state, reportText } of rows) {
      const held = `${attemptId} of ${instance} (${state}, report ${reportText}, ended by ${monitor.attempts.get(attemptId)?.ending})`;
      monitor.breach('I2', `${worker.process.name} holds ${held} ${limitMs} ms after the faults`);
    }
  }
}

/** I1, I4, I5, I6, I9 over each whole stream, and a restart after each of its events. */
export function checkStreams(monitor: SimMonitor, store: SimStore, random: SimRandom): void {
  const runs = [...monitor.runs.values()];
  for (const run of runs) {
    const events = store.streams.eventsOf(run.stream);
    const check = new HistoryCheck(run.actor);
    for (const event of events) check.take(event);
    for (const { invariant, revision, message } of check.report().violations) {
      monitor.breach(invariant, `${run.stream}@${revision}: ${message}`);
    }
    restartAfterEachEvent(monitor, run, events.map(decodeInstanceEvent));
  }
  for (const { stream } of monitor.concurrency.actors.values()) {
    const kind = stream.slice(0, stream.indexOf('-')) as OwnedKind;
    for (const { invariant, revision, message } of checkOwnedHistory(kind, store.streams.eventsOf(stream)).violations) {
      monitor.breach(invariant, `${stream}@${revision}: ${message}`);
    }
  }
  if (runs.length > 0) foldEachPrefixAnew(monitor, store, random.pick(runs));
}

/** I5: a snapshot that was stored as text and restored goes on as the one that never left memory. */
function restartAfterEachEvent(
  monitor: SimMonitor,
  { stream, actor, snapshots }: RunTrack,
  events: readonly WorkflowInstanceEvent[],
): void {
  let stored = JSON.stringify(actor.store(actor.initial()));
  for (const [revision, event] of events.entries()) {
    const restored = actor.fold(actor.restore(JSON.parse(stored)), event).snapshot;
    const kept = snapshots[revision] as WorkflowInstanceSnapshot;
    stored = JSON.stringify(actor.store(kept));
    const same = stored === JSON.stringify(actor.store(restored));
    const isOwedAlike = JSON.stringify(actor.pendingEffects(kept)) === JSON.stringify(actor.pendingEffects(restored));
    if (same && isOwedAlike) continue;
    monitor.breach('I5', `${stream}@${revision}: a restored snapshot differs from the kept one`);
    return;
  }
}

/** I5, of one run in full: what a new owner reads at any moment leads to the same state and the same duties. */
function foldEachPrefixAnew(monitor: SimMonitor, store: SimStore, { stream, actor, snapshots }: RunTrack): void {
  const events = store.streams.eventsOf(stream).map(decodeInstanceEvent);
  for (const [index, kept] of snapshots.entries()) {
    let anew = actor.initial();
    for (const earlier of events.slice(0, index + 1)) anew = actor.fold(anew, earlier).snapshot;
    const same = JSON.stringify(actor.store(kept)) === JSON.stringify(actor.store(anew));
    const isOwedAlike = JSON.stringify(actor.pendingEffects(kept)) === JSON.stringify(actor.pendingEffects(anew));
    if (same && isOwedAlike) continue;
    monitor.breach('I5', `${stream}@${index}: folded anew it differs`);
    return;
  }
}

/** I5 over a border: what a master tells of a run is what the journal says of it at that revision. */
export function checkView(monitor: SimMonitor, { run, revision, tasks, counts, params }: RunReply): void {
  const track = monitor.runs.get(streamPrefixes.workflowInstance + (run.instance satisfies InstanceId));
  if (track === undefined) {
    monitor.breach('I2', `the run ${run.instance} is shown, but not in the journal`);
    return;
  }
  const snapshot = track.snapshots[revision];
  if (snapshot === undefined) {
    monitor.breach('I2', `the run ${run.instance} is shown at ${revision}, which is not in the journal`);
    return;
  }
  const { context } = snapshot;
  const expected = {
    tasks: taskSummaries(track.actor.at(snapshot).plan, context),
    counts: context.counts,
    params: context.params,
  };
  // What a dependent still waits for is no state of the run, but what the answering master sees of others.
  const found = { tasks: tasks.map(({ missing: _, ...task }) => task), counts, params };
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  monitor.breach(
    'I5',
    `${run.instance}@${revision} is shown as ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`,
  );
}
