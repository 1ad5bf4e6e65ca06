/**
 * Tells of events of single tasks in runs that go on. The projection does not read task events, which are many: a run is
 * followed by a subscription of its own, and only while somebody watches one of its tasks.
 */
import type { InstanceId, TaskName } from '../../schemas/ids.ts';
import { instanceStream } from '../journal/codec.ts';
import type { Journal } from '../journal/journal.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { RunIndex } from './run-index.port.ts';
import type { Watch } from './run-watch.ts';

export type TaskWatchOptions = { journal: Journal; index: Pick<RunIndex, 'position'>; log: Log };

type Watcher = { task: TaskName; callback: () => void };
type Followed = { abort: AbortController; watchers: Set<Watcher> };

export class TaskWatch {
  readonly #options: TaskWatchOptions;
  readonly #followed = new Map<InstanceId, Followed>();

  constructor(options: TaskWatchOptions) {
    this.#options = options;
  }

  /** Runs that are followed. */
  get count(): number {
    return this.#followed.size;
  }

  /**
   * Calls back at each event of the task that the journal takes after this call, and perhaps at some from before: read the
   * stream after this call to know where the task stands.
   */
  watch(instance: InstanceId, task: TaskName, callback: () => void): Watch {
    const followed = this.#followed.get(instance) ?? this.#follow(instance);
    const watcher = { task, callback };
    followed.watchers.add(watcher);
    return {
      stop: () => {
        if (!followed.watchers.delete(watcher) || followed.watchers.size > 0) return;
        followed.abort.abort();
        if (this.#followed.get(instance) === followed) this.#followed.delete(instance);
      },
    };
  }

  stop(): void {
    for (const { abort } of this.#followed.values()) abort.abort();
    this.#followed.clear();
  }

  /** From where the index stands: nothing that comes later is before it. */
  #follow(instance: InstanceId): Followed {
    const followed: Followed = { abort: new AbortController(), watchers: new Set() };
    this.#followed.set(instance, followed);
    void this.#deliver(instance, followed).catch((fault) =>
      this.#options.log.error({ instanceId: instance, fault }, 'the tasks of a run cannot be followed'),
    );
    return followed;
  }

  async #deliver(instance: InstanceId, { abort, watchers }: Followed): Promise<void> {
    const { journal, index } = this.#options;
    const stream = instanceStream(instance);
    const after = index.position();
    const filter = { kind: 'streamPrefix', prefixes: [stream] } as const;
    const options = { filter, signal: abort.signal, ...(after === undefined ? {} : { after }) };
    for await (const item of journal.subscribeAll(options)) {
      if (item.kind !== 'event' || item.event.stream !== stream) continue;
      const { task } = item.event.data as { task?: unknown };
      for (const watcher of [...watchers]) if (watcher.task === task) watcher.callback();
    }
  }
}
