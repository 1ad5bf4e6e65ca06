/**
 * I11, event by event: no two attempts of a task have live applications at once. An application counts as live from when it is
 * known until the cluster says that it has ended, or its attempt has succeeded, or it was given up because the cluster knows
 * of it no more.
 */
import type { WorkflowInstanceEventOf } from '../../schemas/events/workflow-instance.events.ts';
import type { AttemptId, TaskName } from '../../schemas/ids.ts';
import { definedNameOf } from '../map/item-name.ts';
import type { ReadEvent, Report } from './history-event.ts';

type Live = { attemptId: AttemptId; cluster: string; id: string };

export class ApplicationRules {
  readonly #report: Report;
  readonly #live = new Map<TaskName, Live[]>();
  readonly #current = new Map<TaskName, AttemptId>();

  constructor(report: Report) {
    this.#report = report;
  }

  take({ event, revision }: ReadEvent): void {
    switch (event.type) {
      case 'ApplicationFound': {
        const { task, attemptId, cluster, id } = event.data;
        // Of one that is told late nobody knows here whether it lives.
        if (this.#current.get(task) !== attemptId) return;
        this.#live.set(task, [...this.#liveOf(task), { attemptId, cluster, id }]);
        return;
      }
      case 'ApplicationEnded':
        this.#forget(event.data.task, ({ id, cluster }) => id === event.data.id && cluster === event.data.cluster);
        return;
      case 'ApplicationGivenUp': {
        const { task, id, cluster, state } = event.data;
        if (state === 'unknown') this.#forget(task, (one) => one.id === id && one.cluster === cluster);
        return;
      }
      case 'TaskSucceeded':
        this.#forget(event.data.task, ({ attemptId }) => attemptId === event.data.attemptId);
        return;
      case 'TaskAssigned':
        this.#checkNew(event.data, revision);
        return;
      case 'TaskLost':
      case 'TaskForced':
      case 'TaskSkipped':
        // A person has decided, and knows what may still run.
        if (event.type !== 'TaskLost' || event.data.decidedBy !== undefined) this.#live.delete(event.data.task);
        return;
      case 'StateCleared':
        this.#clear(event.data);
        return;
      default:
        return;
    }
  }

  #checkNew({ task, attemptId }: { task: TaskName; attemptId: AttemptId }, revision: number): void {
    this.#current.set(task, attemptId);
    const former = this.#liveOf(task).find((one) => one.attemptId !== attemptId);
    if (former === undefined) return;
    const { id, cluster } = former;
    this.#report(
      'I11',
      revision,
      `${task} gets the attempt ${attemptId} while ${id} of an earlier one may run on ${cluster}`,
    );
  }

  /** Which tasks need the named ones, only the definition tells: they count as cleared with all others. */
  #clear({ scope, tasks }: WorkflowInstanceEventOf<'StateCleared'>['data']): void {
    const named = new Set((tasks ?? []).flatMap((task) => [task, definedNameOf(task)]));
    for (const task of this.#live.keys()) {
      if (scope !== 'tasks' || named.has(task) || named.has(definedNameOf(task))) this.#live.delete(task);
    }
  }

  #forget(task: TaskName, isOver: (live: Live) => boolean): void {
    const left = this.#liveOf(task).filter((one) => !isOver(one));
    if (left.length === 0) this.#live.delete(task);
    else this.#live.set(task, left);
  }

  #liveOf(task: TaskName): readonly Live[] {
    return this.#live.get(task) ?? [];
  }
}
