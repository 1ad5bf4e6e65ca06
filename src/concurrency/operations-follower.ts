/**
 * What is in force in the cluster, as every master follows it: crowns, freezes, and which task groups there are. Until all
 * that was ordered is known, nothing is placed.
 */

import { foldClusterOperations } from '../../actors/cluster-operations/cluster-operations.fold.ts';
import {
  type ClusterOperationsContext,
  type Crown,
  noOperations,
} from '../../actors/cluster-operations/cluster-operations.state.ts';
import {
  operationsHold,
  type PlaceableTask,
  tasksUnder,
} from '../../actors/cluster-operations/cluster-operations.view.ts';
import type { Plan } from '../../actors/graph/plan.ts';
import type { ClusterOperationsEvent } from '../../schemas/events/cluster-operations.events.ts';
import type { HoldReason } from '../../schemas/events/workflow-instance.events.ts';
import type { TaskGroupName, TaskName } from '../../schemas/ids.ts';
import { decodeActorEvent } from '../actor-host/actor-kind.ts';
import { streamPrefixes } from '../journal/codec.ts';
import type { Journal, RecordedEvent } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import { operationsKind } from './operations.ts';

export type OperationsFollowerOptions = { journal: Journal; log: Log; onChange: () => void };

const prefixes = ['Crown', 'Freeze', 'TaskGroupConfigured'];

export class OperationsFollower {
  readonly #options: OperationsFollowerOptions;
  readonly #abort = new AbortController();
  readonly #groups = new Set<TaskGroupName>();
  /** The tasks that each crown lets run, by the id of the crown. */
  readonly #under = new WeakMap<Crown, Set<TaskName>>();
  #context: ClusterOperationsContext = noOperations;
  #revision = -1;
  #isCurrent = false;

  constructor(options: OperationsFollowerOptions) {
    this.#options = options;
  }

  get crowns(): readonly Crown[] {
    return this.#context.crowns;
  }

  /** Names of the task groups that somebody has configured. */
  get groups(): Iterable<TaskGroupName> {
    return this.#groups;
  }

  start(): void {
    void this.#follow().catch((fault) =>
      this.#options.log.error({ fault }, 'orders to the cluster cannot be followed; nothing is placed'),
    );
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Why the task may not be placed now; undefined when it may. */
  holdOf(task: PlaceableTask, plan: Plan): HoldReason | undefined {
    if (!this.#isCurrent) {
      const message = 'the orders to the cluster are not known yet';
      return { code: 'HELD_BY_CORONATION', message, group: task.group };
    }
    const { crowns, freezes } = this.#context;
    if (crowns.length + freezes.length === 0) return undefined;
    return operationsHold(this.#context, task, (crown) => this.#isUnder(crown, task, plan));
  }

  /** A child of the crowned run is under its crown: the crowned task may wait for it. */
  #isUnder(crown: Crown, { instance, task, parent }: PlaceableTask, plan: Plan): boolean {
    if (crown.instance === parent) return true;
    if (crown.instance !== instance) return false;
    const under = this.#under.get(crown) ?? tasksUnder(crown, plan);
    this.#under.set(crown, under);
    return under.has(task);
  }

  async #follow(): Promise<void> {
    const { journal, onChange } = this.#options;
    const filter = { kind: 'eventTypePrefix', prefixes } as const;
    for await (const item of journal.subscribeAll({ filter, signal: this.#abort.signal })) {
      if (item.kind === 'event' && this.#take(item.event) && this.#isCurrent) onChange();
      if (item.kind === 'caughtUp' && !this.#isCurrent) {
        this.#isCurrent = true;
        onChange();
      }
    }
  }

  /** True when what is in force has changed. Events may come twice. */
  #take(event: RecordedEvent): boolean {
    if (event.stream.startsWith(streamPrefixes.taskGroup)) {
      this.#groups.add(event.stream.slice(streamPrefixes.taskGroup.length) as TaskGroupName);
      return false;
    }
    if (!event.stream.startsWith(streamPrefixes.clusterOperations) || event.revision <= this.#revision) return false;
    this.#revision = event.revision;
    const decoded = decodeActorEvent<ClusterOperationsEvent>(operationsKind, event);
    this.#context = foldClusterOperations(this.#context, decoded).context;
    return true;
  }
}
