/**
 * The walk back through the causes of an event, over the borders of runs: a task that waited for a child run ended because the
 * child did, and a child was submitted because a task of its parent began. It ends where somebody outside asked.
 */
import type { InstanceId } from '../../schemas/ids.ts';
import { type Cause, causesOf } from './causes.ts';
import type { ReplayedRun } from './replayed-run.ts';

export type RunCause = Cause & {
  instance: string | undefined;
  workflow: string;
  /** Of the event. */
  data: unknown;
};

/** Undefined for a run that is not to be had. */
export type LoadRun = (instance: InstanceId) => Promise<ReplayedRun | undefined>;

type Place = { run: ReplayedRun; revision: number };

/** Runs may start each other deeply; a trail that is longer than this says nothing more. */
const bordersMax = 1_000;

export async function causesAcrossRuns(run: ReplayedRun, revision: number, load: LoadRun): Promise<RunCause[]> {
  const trail: RunCause[] = [];
  let place: Place | undefined = { run, revision };
  for (let border = 0; place !== undefined && border < bordersMax; border += 1) {
    place = await walkWithin(place, load, trail);
  }
  return trail;
}

/** To the next border. @returns where it goes on in another run */
async function walkWithin({ run, revision }: Place, load: LoadRun, trail: RunCause[]): Promise<Place | undefined> {
  const of = { instance: run.history.instance, workflow: run.plan.definition.name };
  for (const cause of causesOf(run, revision)) {
    const crossed = await borderAt(run, cause.revision, load);
    const { data } = run.recorded(cause.revision);
    trail.push({ ...cause, ...of, data, ...(crossed === undefined ? {} : { because: crossed.because }) });
    if (crossed !== undefined) return crossed.to;
  }
  return undefined;
}

type Border = { because: string; to: Place };

async function borderAt(run: ReplayedRun, revision: number, load: LoadRun): Promise<Border | undefined> {
  const event = run.event(revision);
  if (event.type === 'WorkflowSubmitted') return toParent(run, event.data.parent, load);
  if (event.type !== 'TaskConcluded' || event.data.decidedBy !== undefined) return undefined;
  const child = childOf(run, revision, event.data.attemptId);
  const other = child === undefined ? undefined : await load(child);
  if (child === undefined || other === undefined || other.length === 0) return undefined;
  const to = { run: other, revision: other.revisionAt(run.timeOf(revision)) };
  const { value } = other.at(Math.max(0, to.revision)).snapshot;
  return { because: `its child run ${child} of ${other.plan.definition.name} was ${value}`, to };
}

async function toParent(
  run: ReplayedRun,
  parent: { instance: InstanceId; task: string } | undefined,
  load: LoadRun,
): Promise<Border | undefined> {
  const other = parent === undefined ? undefined : await load(parent.instance);
  if (parent === undefined || other === undefined) return undefined;
  for (let revision = 0; revision <= other.lastRevision; revision += 1) {
    const event = other.event(revision);
    if (event.type !== 'TaskAwaits' || event.data.awaits.kind !== 'workflow') continue;
    if (event.data.awaits.child !== run.history.instance) continue;
    const because = `the task ${parent.task} of the run ${parent.instance} of ${other.plan.definition.name} started it`;
    return { because, to: { run: other, revision } };
  }
  return undefined;
}

function childOf(run: ReplayedRun, before: number, attemptId: string): InstanceId | undefined {
  for (let revision = before - 1; revision >= 0; revision -= 1) {
    const event = run.event(revision);
    if (event.type !== 'TaskAwaits' || event.data.attemptId !== attemptId) continue;
    return event.data.awaits.kind === 'workflow' ? event.data.awaits.child : undefined;
  }
  return undefined;
}
