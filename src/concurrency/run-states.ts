/** The state of any run, as its stream tells it: from memory where this master owns it, else folded from the journal. */
import type { SlotRun } from '../../actors/task-group/slot-need.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import type { FoldedRun } from '../master/fold-run.ts';
import type { LiveInstance } from '../master/live-instance.ts';

export type RunStates = {
  find(id: InstanceId): LiveInstance | undefined;
  /** Undefined when there is no such run. @throws AppError JOURNAL_INCONSISTENT */
  state(id: InstanceId): Promise<SlotRun | undefined>;
  /**
   * Of the owner that the journal names now, also when this master has not heard yet that it is another one. 0 when there is no
   * such run. @throws AppError JOURNAL_INCONSISTENT
   */
  epoch(id: InstanceId): Promise<number>;
};

export function createRunStates(host: {
  find(id: InstanceId): LiveInstance | undefined;
  fold(id: InstanceId): Promise<FoldedRun | undefined>;
}): RunStates {
  return {
    find: (id) => host.find(id),
    state: async (id) => {
      const live = host.find(id);
      const found = live !== undefined && live.revision >= 0 ? live : await host.fold(id);
      if (found === undefined) return undefined;
      const { value, context } = found.snapshot;
      return { instance: id, plan: found.actor.plan, value, context };
    },
    epoch: async (id) => (await host.fold(id))?.snapshot.context.epoch ?? 0,
  };
}
