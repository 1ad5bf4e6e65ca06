/**
 * One run in memory: submitted, owned by one master after the other, and recorded as a journal would. Whoever takes over has
 * nothing but the recorded events.
 */
import { planOf } from '../../actors/graph/plan.ts';
import { checkHistory } from '../../actors/invariants/check-history.ts';
import type { Rejection } from '../../actors/kit/decider.ts';
import {
  type WorkflowInstanceActor,
  workflowInstanceActor,
} from '../../actors/workflow-instance/workflow-instance.actor.ts';
import { awaitedAttempts } from '../../actors/workflow-instance/workflow-instance.effects.ts';
import type { WorkflowInstanceSnapshot } from '../../actors/workflow-instance/workflow-instance.machine.ts';
import type { WorkflowInstanceCommand } from '../../schemas/commands/workflow-instance.commands.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { EventMetadata } from '../../schemas/envelope.ts';
import type { WorkflowInstanceEvent } from '../../schemas/events/workflow-instance.events.ts';
import type { Incarnation, InstanceId, MasterId, SubmissionKey, TaskName, WorkerId } from '../../schemas/ids.ts';
import { digestOf } from '../definitions/canonical.ts';
import { checkParams } from '../definitions/check-params.ts';
import type { RunEvent, RunHistory } from '../replay/run-history.ts';
import { instanceIdOf } from '../runs/instance-id.ts';
import { VirtualRun } from '../virtual/virtual-run.ts';
import { VirtualTime } from '../virtual/virtual-time.ts';
import type { VirtualWorker } from '../virtual/virtual-workers.ts';
import { PlayedAttempts } from './played-attempts.ts';
import { checkScripts, defaultWorkers, durationMs, type Scenario, timeMs } from './scenario.ts';

export class PlayedRun {
  readonly definition: WorkflowDefinition;
  readonly instance: InstanceId;
  readonly time: VirtualTime;
  readonly recorded: RunEvent[] = [];
  readonly #scenario: Scenario;
  readonly #attempts: PlayedAttempts;
  readonly #run: VirtualRun;
  readonly #deaths: Set<number>;
  #idCount = 0;
  #masterCount = 1;
  #isSubmitted = false;

  /** @throws AppError of whatever a submission would be refused for */
  constructor(definition: WorkflowDefinition, scenario: Scenario) {
    this.definition = definition;
    this.#scenario = scenario;
    const { results = {}, lossesMax = 5, chance = 0.5, masterDiesAfter = [] } = scenario;
    checkScripts(definition, results);
    this.instance = instanceIdOf(definition.name, this.#key);
    this.time = new VirtualTime(timeMs(scenario.startsAt ?? '2030-01-01T00:00:00Z'));
    this.#deaths = new Set([masterDiesAfter].flat());
    this.#attempts = new PlayedAttempts({
      time: this.time,
      ids: { uuid: () => this.#uuid(), random: () => chance },
      instance: this.instance,
      workers: scenario.workers ?? defaultWorkers(definition),
      results,
      lossesMax,
      chance,
      run: () => this.#run,
    });
    const actor = workflowInstanceActor(planOf(definition));
    this.#run = new VirtualRun({
      actor,
      snapshot: actor.initial(),
      time: this.time,
      outside: this.#attempts,
      lossesMax,
      random: chance,
      onDurable: (events) => this.#record(events),
    });
  }

  get snapshot(): WorkflowInstanceSnapshot {
    return this.#run.snapshot;
  }

  get actor(): WorkflowInstanceActor {
    return this.#run.actor;
  }

  get startedAtMs(): number {
    return this.snapshot.context.submittedAt ?? this.time.now();
  }

  get history(): RunHistory {
    const { instance, definition, recorded } = this;
    return { instance, definitions: [{ version: 1, definition }], events: [...recorded] };
  }

  submit(): void {
    if (this.#isSubmitted) return;
    this.#isSubmitted = true;
    const { params = {}, logicalAt, start, dryRun, priority } = this.#scenario;
    const { name } = this.definition;
    const rejection = this.ask({
      type: 'SubmitWorkflow',
      now: 0,
      definition: { name, version: 1, digest: digestOf(this.definition) },
      key: this.#key,
      params: checkParams(this.definition, params),
      given: Object.keys(params),
      ...(logicalAt === undefined ? {} : { logicalAt: timeMs(logicalAt) }),
      ...(start === undefined ? {} : { start: { mode: start.mode, tasks: start.tasks as TaskName[] } }),
      ...(dryRun === undefined ? {} : { dryRun }),
      ...(priority === undefined ? {} : { priority }),
      owner: { ...this.#master(), claimRevision: this.#masterCount },
    });
    if (rejection !== undefined) throw new Error(`the submission was refused: ${rejection.message}`);
  }

  ask(command: WorkflowInstanceCommand): Rejection | undefined {
    return this.#run.ask(command, `test.${command.type}`);
  }

  goOn(): void {
    this.#run.goOn();
    this.#check();
  }

  masterDies(): void {
    if (!this.#run.isOwned) return;
    this.#run.loseOwner();
    const { takeover = 1_000 } = this.#scenario;
    this.time.plan(this.time.now() + durationMs(takeover), () => this.#takeOver());
  }

  workerLeaves(worker: string): void {
    this.#attempts.leave(worker as WorkerId);
  }

  workerJoins(worker: string, set: VirtualWorker): void {
    this.#attempts.join(worker as WorkerId, set);
  }

  get #key(): SubmissionKey {
    return (this.#scenario.key ?? 'test') as SubmissionKey;
  }

  #takeOver(): void {
    const former = this.#master().master;
    this.#masterCount += 1;
    const actor = workflowInstanceActor(planOf(structuredClone(this.definition)));
    let snapshot = actor.initial();
    for (const { type, data } of this.recorded) {
      // Reason for the cast: they were decided here, and are of no other type.
      snapshot = actor.fold(snapshot, structuredClone({ type, data }) as WorkflowInstanceEvent).snapshot;
    }
    this.#attempts.ownerChanged(awaitedAttempts(snapshot));
    this.#run.takeOver(
      { actor, snapshot },
      {
        type: 'TakeOwnership',
        now: 0,
        reason: 'masterLost',
        evidence: `${former} does not answer`,
        ...this.#master(),
        claimRevision: this.#masterCount,
      },
    );
  }

  /** False when the owner dies with that event. */
  #record(events: readonly WorkflowInstanceEvent[]): boolean {
    let isAlive = true;
    for (const { type, data } of events) {
      const revision = this.recorded.length;
      const metadata = this.#metadata(type);
      // As a journal gives it back.
      this.recorded.push(JSON.parse(JSON.stringify({ revision, type, data, metadata })) as RunEvent);
      if (this.#deaths.delete(revision)) isAlive = false;
    }
    if (!isAlive) this.masterDies();
    return isAlive;
  }

  /** What comes before the first owner has no epoch. */
  #metadata(type: string): EventMetadata {
    const { epoch, owner } = this.snapshot.context;
    const { master, incarnation } = owner ?? this.#master();
    return {
      schemaVersion: 1,
      epoch: type === 'WorkflowSubmitted' ? 0 : epoch,
      master,
      incarnation,
      correlationId: this.instance,
      causationId: this.#run.events.at(-1)?.causationId ?? 'test',
      decidedAt: this.time.now(),
    };
  }

  /** What this kit writes must be what a cluster could have written. */
  #check(): void {
    const [violation] = checkHistory(planOf(this.definition), this.recorded).violations;
    if (violation === undefined || violation.invariant === 'I6') return;
    throw new Error(
      `a fault of the test kit: ${violation.invariant} at event ${violation.revision}: ${violation.message}`,
    );
  }

  #master() {
    return {
      master: `master-${this.#masterCount}` as MasterId,
      incarnation: `30000000-0000-4000-8000-${String(this.#masterCount).padStart(12, '0')}` as Incarnation,
      host: `host-${this.#masterCount}`,
    };
  }

  #uuid(): string {
    this.#idCount += 1;
    return `10000000-0000-4000-8000-${String(this.#idCount).padStart(12, '0')}`;
  }
}
