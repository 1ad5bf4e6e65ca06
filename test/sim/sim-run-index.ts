/** The list of runs on the disk of a master's machine: kept over a crash, lost, or set back to an older state. */
import type { CacheKey, InstanceId } from '../../schemas/ids.ts';
import type { RunSummary } from '../../schemas/messages/client.messages.ts';
import type { JournalPosition } from '../../src/journal/journal.port.ts';
import type { KeptResult, RunChange, RunIndex } from '../../src/runs/run-index.port.ts';
import type { Life } from './sim-world.ts';

type Written = { changes: readonly RunChange[]; position: JournalPosition | undefined };

export class SimRunIndexDisk {
  #writes: Written[] = [];
  #runs = new Map<InstanceId, RunSummary>();
  #results = new Map<CacheKey, KeptResult>();
  #position: JournalPosition | undefined;

  open(life: Life): RunIndex {
    return {
      apply: (changes, position) => {
        if (life.acts()) this.#apply({ changes, position });
      },
      position: () => this.#position,
      list: ({ limit }) => ({
        runs: [...this.#runs.values()].reverse().slice(0, limit),
        more: this.#runs.size > limit,
      }),
      get: (instance) => this.#runs.get(instance),
      newestBetween: (workflow, fromAt, untilAt) =>
        [...this.#runs.values()]
          .filter((run) => run.workflow === workflow && run.dryRun !== true)
          .filter(({ logicalAt, submittedAt: at }) => (logicalAt ?? at) >= fromAt && (logicalAt ?? at) < untilAt)
          .sort(
            (a, b) => (b.logicalAt ?? b.submittedAt) - (a.logicalAt ?? a.submittedAt) || b.submittedAt - a.submittedAt,
          )
          .at(0),
      withPrefix: (prefix, limit) => [...this.#runs.keys()].filter((id) => id.startsWith(prefix)).slice(0, limit),
      unfinished: () =>
        [...this.#runs.values()].filter((run) => run.finishedAt === undefined).map(({ instance }) => instance),
      result: (cacheKey) => this.#results.get(cacheKey),
      close: () => {},
    };
  }

  /** Its newest writes, or all of them, are gone. */
  lose(count: number): void {
    const kept = this.#writes.slice(0, Math.max(0, this.#writes.length - count));
    this.#writes = [];
    this.#runs = new Map();
    this.#results = new Map();
    this.#position = undefined;
    for (const write of kept) this.#apply(write);
  }

  #apply(write: Written): void {
    this.#writes.push(write);
    for (const change of write.changes) this.#change(change);
    this.#position = write.position ?? this.#position;
  }

  #change(change: RunChange): void {
    if (change.kind === 'resultKept') {
      this.#results.set(change.result.cacheKey, change.result);
      return;
    }
    if (change.kind === 'submitted') {
      const { run } = change;
      if (!this.#runs.has(run.instance)) this.#runs.set(run.instance, { ...run });
      return;
    }
    const run = this.#runs.get(change.instance);
    if (change.kind === 'moved') {
      if (run !== undefined) run.version = change.version;
      return;
    }
    if (run !== undefined && change.kind === 'reopened') {
      run.status = 'running';
      delete run.finishedAt;
    }
    if (run === undefined || change.kind === 'reopened' || run.finishedAt !== undefined) return;
    run.status = change.status;
    if (change.finishedAt !== undefined) run.finishedAt = change.finishedAt;
  }
}
