/**
 * Watches the simulated world and compares what happens with the invariants, as it happens. It reads events as text, folds
 * them apart from every master, and knows what each process sent, started and was told.
 */
import { type Plan, planOf } from '../../actors/graph/plan.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { awaitedAttempts, awaitsPerson } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type {
  AttemptReport,
  Cancel,
  Offer,
  ReportAck,
  ReportBatch,
  Takeover,
} from '../../schemas/messages/attempt.messages.ts';
import type { Receipt } from '../../schemas/messages/client.messages.ts';
import type { CommandReceipt } from '../../schemas/messages/command.messages.ts';
import { streamPrefixes } from '../../src/journal/codec.ts';
import type { PreparedEvent } from '../../src/journal/memory-event-streams.ts';
import { silenceCodes } from '../kit/effect-ledger.ts';
import { SimActorMonitor } from './sim-actor-monitor.ts';
import { SimLanguageMonitor } from './sim-language-monitor.ts';
import type { Published } from './sim-network.ts';
import type { AttemptTrack, RunTrack } from './sim-tracks.ts';
import type { Life, SimWorld } from './sim-world.ts';

export type Breach = { invariant: string; at: number; message: string };

const attemptEndings: ReadonlySet<string> = new Set([
  ...['TaskSucceeded', 'TaskFailed', 'TaskLost', 'TaskStopped', 'TaskRejected'],
  'TaskConcluded',
  'TaskCollected',
]);
const breachesMax = 20;

export class SimMonitor {
  readonly breaches: Breach[] = [];
  readonly runs = new Map<string, RunTrack>();
  readonly attempts = new Map<string, AttemptTrack>();
  readonly eventTypes = new Set<string>();
  /** Attempts that a silent worker started although the journal had given them up. */
  ghostStartCount = 0;
  /** Task groups, queues and operations. */
  readonly concurrency: SimActorMonitor;
  readonly #language: SimLanguageMonitor;
  readonly #world: SimWorld;
  readonly #actors = new Map<string, { plan: Plan; actor: WorkflowInstanceActor }>();
  readonly #instanceOfKey = new Map<string, string>();
  /** Kind of each report that a worker sent, by the inbox of its life, attempt and sequence. */
  readonly #reported = new Map<string, AttemptReport['kind']>();
  /** In a seed without faults, nothing that faults excuse is excused. */
  isFaultless = false;

  constructor(world: SimWorld) {
    this.#world = world;
    const breach = (invariant: string, message: string): void => this.breach(invariant, message);
    const runOf = (instance: string) => this.runs.get(streamPrefixes.workflowInstance + instance);
    this.concurrency = new SimActorMonitor(breach, runOf);
    this.#language = new SimLanguageMonitor(breach, runOf);
  }

  breach(invariant: string, message: string): void {
    this.#world.trace.comment('BREACH', () => `${invariant}: ${message}`);
    if (this.breaches.length < breachesMax) this.breaches.push({ invariant, at: this.#world.now, message });
  }

  planOf(workflow: string, version: number): Plan | undefined {
    return this.#actors.get(`${workflow}@${version}`)?.plan;
  }

  actorOf(workflow: string, version: number): WorkflowInstanceActor | undefined {
    return this.#actors.get(`${workflow}@${version}`)?.actor;
  }

  tookAppend(stream: string, firstRevision: number, events: readonly PreparedEvent[], by: Life): void {
    if (stream.startsWith(streamPrefixes.workflowDefinition)) {
      for (const event of events) this.#tookDefinition(JSON.parse(event.dataText));
      return;
    }
    for (const { type, dataText } of events) this.#world.trace.comment('event', () => `${stream} ${type} ${dataText}`);
    if (this.concurrency.tookAppend(stream, firstRevision, events, by)) return;
    for (const [offset, event] of events.entries()) this.#tookEvent(stream, firstRevision + offset, event, by);
    const run = this.runs.get(stream);
    if (run !== undefined) this.#checkPending(run);
  }

  /** What a living process publishes, before it may be lost. */
  tookMessage({ life, subject, body, reply }: Published): void {
    if (subject.startsWith('_INBOX.')) {
      if (typeof body === 'object' && body !== null && 'acked' in body) this.#tookAck(subject, body as ReportAck);
      return;
    }
    const kind = subject.slice(subject.lastIndexOf('.') + 1);
    if (subject.startsWith('millrace.v1.worker.')) {
      if (kind === 'offer') this.#tookOffer(body as Offer);
      if (kind === 'cancel') this.#tookCancel(body as Cancel);
      if (kind === 'takeover') this.#tookTakeover(body as Takeover);
    } else if (subject.startsWith('millrace.v1.events.')) {
      this.#tookNotice(body as { revision: number; id: string }, subject);
    } else if (kind === 'report') this.#tookReports(life, reply, body as ReportBatch);
  }

  /** I4, and that nothing is started that is done. */
  tookStart(life: Life, offer: Offer): void {
    const { attemptId, task, instance } = offer;
    const by = `${life.process.name}@${life.incarnation}`;
    this.#world.trace.note('run', `${by} ${attemptId}`);
    const attempt = this.attempts.get(attemptId);
    const run = this.runs.get(streamPrefixes.workflowInstance + instance);
    if (attempt === undefined || run === undefined) {
      this.breach('I7', `${by} starts the attempt ${attemptId} of ${task}, which the journal does not know`);
      return;
    }
    if (attempt.startedBy !== undefined) {
      this.breach('I4', `the attempt ${attemptId} of ${task} starts at ${by}; it had started at ${attempt.startedBy}`);
    }
    attempt.startedBy = by;
    if (attempt.ending === undefined) return;
    const isGhost = silenceCodes.has(attempt.endCode ?? '');
    if (isGhost && !this.isFaultless) this.ghostStartCount += 1;
    else this.breach('I4', `the attempt ${attemptId} of ${task} starts at ${by} after its ${attempt.ending}`);
  }

  /** I2, I3. */
  tookReceipt(workflow: string, key: string, receipt: Receipt): void {
    const run = this.runs.get(streamPrefixes.workflowInstance + receipt.instance);
    if (run === undefined) {
      this.breach('I2', `a receipt names the run ${receipt.instance} for "${key}", which is not in the journal`);
      return;
    }
    if (run.key !== key || run.workflow !== workflow) {
      this.breach('I3', `the receipt of ${workflow} "${key}" names a run of ${run.workflow} "${run.key}"`);
    }
  }

  /** I2. */
  tookCommandReceipt({ instance, changed }: CommandReceipt, key: string): void {
    const run = this.runs.get(streamPrefixes.workflowInstance + instance);
    if (run === undefined) this.breach('I2', `a command was acked for ${instance}, which is not in the journal`);
    else if (changed && !run.keys.has(key))
      this.breach('I2', `the command "${key}" to ${instance} was acked, but is not in the journal`);
  }

  hasRun(instance: string): boolean {
    return this.runs.has(streamPrefixes.workflowInstance + instance);
  }

  /** @param isThorough also those with a task that waits, perhaps for something that a person keeps from it */
  runsThatAwaitPeople(isThorough: boolean): InstanceId[] {
    return [...this.runs.values()]
      .filter(({ isFinished, snapshot: { value, context } }) => {
        const { counts, isolated, pause } = context;
        const isHeldBack = value === 'paused' || pause !== null || isolated.length > 0;
        const mayAwait = counts.absent + counts.awaiting + (isThorough ? counts.ready + counts.expanded : 0) > 0;
        return !isFinished && (isHeldBack || mayAwait);
      })
      .map(({ id }) => id as InstanceId);
  }

  isolatedIn(instance: string): string[] {
    const run = this.runs.get(streamPrefixes.workflowInstance + instance);
    return run?.snapshot.context.isolated.map(({ task }) => task) ?? [];
  }

  /** I5: what a master holds in memory at a revision is what the journal says of it. */
  compareLive(master: string, live: Pick<RunTrack, 'id' | 'revision' | 'snapshot' | 'actor'>): void {
    const run = this.runs.get(streamPrefixes.workflowInstance + live.id);
    if (run === undefined || live.revision !== run.revision || run.comparedRevision === run.revision) return;
    run.comparedRevision = run.revision;
    const held = JSON.stringify(live.actor.store(live.snapshot));
    const folded = JSON.stringify(run.actor.store(run.snapshot));
    if (held !== folded) {
      this.breach('I5', `${master} holds ${live.id} at ${live.revision} as ${held}; folded it is ${folded}`);
    }
  }

  #tookDefinition({ definition, version }: { definition: WorkflowDefinition; version: number }): void {
    const plan = planOf(definition);
    this.#actors.set(`${definition.name}@${version}`, { plan, actor: workflowInstanceActor(plan) });
  }

  #tookEvent(stream: string, revision: number, prepared: PreparedEvent, by: Life): void {
    const event = { type: prepared.type, data: JSON.parse(prepared.dataText) } as WorkflowInstanceEvent;
    const metadata = JSON.parse(prepared.metadataText) as EventMetadata;
    if (event.type === 'WorkflowSubmitted') this.#begin(stream, event.data);
    const run = this.runs.get(stream);
    if (run === undefined) {
      this.breach('I9', `${stream} begins with ${event.type}`);
      return;
    }
    if (revision !== run.revision + 1) this.breach('J4', `${stream} goes from ${run.revision} to ${revision}`);
    run.revision = revision;
    this.eventTypes.add(event.type);
    run.eventIds.push(prepared.id);
    if (metadata.incarnation !== by.incarnation)
      this.breach('I1', `${event.type} names another author than its sender`);
    this.#checkEpoch(run, event, metadata);
    this.#trackAttempt(run, event);
    this.#language.tookEvent(run, event);
    try {
      run.snapshot = run.actor.fold(run.snapshot, event).snapshot;
    } catch (fault) {
      this.breach('I5', `${stream}@${revision}: ${String(fault)}`);
    }
    run.snapshots.push(run.snapshot);
    run.plan = run.actor.at(run.snapshot).plan;
    run.isFinished = run.actor.isFinished(run.snapshot);
    if (run.isFinished) run.ends.add(run.snapshot.value);
    this.concurrency.tookRunEvent(run, event);
  }

  #begin(stream: string, data: Extract<WorkflowInstanceEvent, { type: 'WorkflowSubmitted' }>['data']): void {
    const known = this.#actors.get(`${data.definition.name}@${data.definition.version}`);
    if (known === undefined || this.runs.has(stream)) {
      this.breach('I3', `${stream} is submitted twice, or of a version that does not exist`);
      return;
    }
    const id = stream.slice(streamPrefixes.workflowInstance.length);
    const name = `${data.definition.name} ${data.key}`;
    const former = this.#instanceOfKey.get(name);
    if (former !== undefined && former !== id) this.breach('I3', `"${name}" made the runs ${former} and ${id}`);
    this.#instanceOfKey.set(name, id);
    this.runs.set(stream, {
      id,
      stream,
      ...known,
      snapshot: known.actor.initial(),
      snapshots: [],
      revision: -1,
      epoch: 0,
      owners: [''],
      ownerIncarnation: '',
      workflow: data.definition.name,
      key: data.key,
      eventIds: [],
      keys: new Set(),
      ends: new Set(),
      isFinished: false,
      comparedRevision: -1,
    });
  }

  /** I1. */
  #checkEpoch(run: RunTrack, event: WorkflowInstanceEvent, metadata: EventMetadata): void {
    if (event.type === 'WorkflowSubmitted') return;
    if (event.type === 'OwnershipTaken') {
      if (event.data.epoch !== run.epoch + 1) {
        this.breach('I1', `${run.stream}@${run.revision} takes epoch ${event.data.epoch} after ${run.epoch}`);
      }
      run.epoch = event.data.epoch;
      run.owners[run.epoch] = event.data.master;
      run.ownerIncarnation = event.data.incarnation;
    }
    if (metadata.epoch !== run.epoch || metadata.incarnation !== run.ownerIncarnation) {
      const author = `${metadata.master} in epoch ${metadata.epoch}`;
      this.breach('I1', `${run.stream}@${run.revision} ${event.type} is by ${author}; the epoch is ${run.epoch}`);
    }
  }

  #trackAttempt(run: RunTrack, event: WorkflowInstanceEvent): void {
    if (event.type === 'StateCleared') this.#leaveEnded(run);
    if (!('attemptId' in event.data)) return;
    const { attemptId: id, task } = event.data;
    if (event.type === 'TaskAssigned' || event.type === 'TaskAwaits' || event.type === 'TaskExpanded') {
      if (this.attempts.has(id)) this.breach('I4', `the attempt ${id} of ${task} is assigned twice`);
      const worker = event.type === 'TaskAssigned' ? event.data.worker : 'nobody';
      this.attempts.set(id, {
        id,
        instance: run.id,
        task,
        worker,
        ending: undefined,
        endCode: undefined,
        wasAbsent: false,
        wasOrphaned: false,
        isGivenUp: false,
        isLeftByPerson: false,
        startedBy: undefined,
      });
      return;
    }
    const attempt = this.attempts.get(id);
    // An application may be told late: it lives on.
    if (attempt !== undefined && event.type === 'ApplicationFound') return;
    if (attempt === undefined || attempt.ending !== undefined) {
      this.breach('I4', `${run.stream}@${run.revision} ${event.type} of ${id}, which is not live`);
      return;
    }
    if (attemptEndings.has(event.type)) attempt.ending = event.type;
    if (event.type === 'TaskLost' || event.type === 'TaskRejected') attempt.endCode = event.data.reason.code;
    if (event.type === 'ApplicationGivenUp') attempt.isGivenUp = true;
    if (event.type === 'TaskLost' && event.data.decidedBy !== undefined) attempt.isLeftByPerson = attempt.isGivenUp;
    if (event.type === 'TaskWorkerAbsent') attempt.wasAbsent = true;
    if (event.type === 'TaskOrphaned') attempt.wasOrphaned = true;
  }

  #leaveEnded(run: RunTrack): void {
    for (const attempt of this.attempts.values()) {
      if (attempt.instance === run.id && attempt.ending !== undefined) attempt.isLeftByPerson ||= attempt.isGivenUp;
    }
  }

  /** I6. */
  #checkPending(run: RunTrack): void {
    if (run.isFinished || run.actor.pendingEffects(run.snapshot).length > 0) return;
    if (awaitedAttempts(run.snapshot).length > 0 || awaitsPerson(run.snapshot)) return;
    this.breach('I6', `${run.stream}@${run.revision} owes nothing and awaits nothing, but has not ended`);
  }

  /** I7. */
  #tookOffer({ attemptId, instance, epoch, master, task }: Offer): void {
    const attempt = this.attempts.get(attemptId);
    if (attempt === undefined || attempt.instance !== instance || attempt.task !== task) {
      this.breach('I7', `${master} offers the attempt ${attemptId} of ${task}, which is not in the journal`);
    }
    this.#checkOwner(instance, epoch, master, 'an offer');
  }

  #tookCancel({ attemptId, instance, epoch, reason }: Cancel): void {
    const attempt = this.attempts.get(attemptId);
    const run = this.runs.get(streamPrefixes.workflowInstance + instance);
    if (attempt === undefined || run === undefined || epoch > run.epoch) {
      this.breach('I7', `the attempt ${attemptId} is cancelled before it is in the journal`);
      return;
    }
    if (reason === 'revoked' && attempt.ending === undefined) {
      this.breach('I7', `the attempt ${attemptId} of ${attempt.task} is revoked before it has ended in the journal`);
    }
  }

  #tookTakeover({ master, instances }: Takeover): void {
    for (const { instance, epoch } of instances) this.#checkOwner(instance, epoch, master, 'a takeover');
  }

  #checkOwner(instance: string, epoch: number, master: string, what: string): void {
    const run = this.runs.get(streamPrefixes.workflowInstance + instance);
    if (run?.owners[epoch] === master) return;
    this.breach('I7', `${what} of ${instance} by ${master} names epoch ${epoch}, which it has not in the journal`);
  }

  #tookNotice({ revision, id }: { revision: number; id: string }, subject: string): void {
    const instance = subject.split('.')[4] ?? '';
    const run = this.runs.get(streamPrefixes.workflowInstance + instance);
    if (run?.eventIds[revision] !== id) this.breach('I7', `${subject} at ${revision} is told, but not in the journal`);
  }

  #tookReports(life: Life, inbox: string | undefined, { reports }: ReportBatch): void {
    for (const { attemptId, sequence, kind } of reports) {
      this.#reported.set(`${inbox} ${attemptId} ${sequence}`, kind);
      const attempt = this.attempts.get(attemptId);
      if (attempt === undefined) this.breach('I7', `${life.process.name} reports on ${attemptId}, never assigned`);
    }
  }

  /** I2: an acked result is in the journal, or the journal had ended the attempt before. */
  #tookAck(inbox: string, { acked }: ReportAck): void {
    for (const { attemptId, sequence } of acked) {
      const kind = this.#reported.get(`${inbox} ${attemptId} ${sequence}`);
      const attempt = this.attempts.get(attemptId);
      if (kind === undefined || attempt === undefined) {
        this.breach('I2', `a report is acked that nobody sent: ${attemptId} ${sequence}`);
        continue;
      }
      if (kind === 'accepted' || kind === 'started' || (kind === 'lost' && attempt.wasAbsent)) continue;
      // How the client ended is in the journal; how the attempt does, its applications decide.
      if (kind !== 'succeeded' && attempt.wasOrphaned) continue;
      const run = this.runs.get(streamPrefixes.workflowInstance + attempt.instance);
      if (attempt.ending === undefined && run?.isFinished !== true) {
        this.breach('I2', `the report "${kind}" of ${attemptId} (${attempt.task}) is acked, but not in the journal`);
      }
    }
  }
}
