/** In a virtual run there are no clusters: what an attempt had there is taken to be dead when nobody runs it any more. */
import type { TaskState } from '../../actors/task-instance/task-instance.state.ts';
import type { ClusterTold } from '../../schemas/commands/workflow-instance.commands.ts';
import type { AttemptId } from '../../schemas/ids.ts';

export function deadApplications(state: TaskState | undefined, attemptId: AttemptId): ClusterTold[] {
  const own = state?.context.applications.filter((known) => known.attemptId === attemptId) ?? [];
  const clusters = state?.context.tended?.orphan?.clusters ?? [];
  return [...new Set([...clusters, ...own.map(({ cluster }) => cluster)])].map((cluster) => {
    const known = own.filter((one) => one.cluster === cluster);
    const applications = known.map(({ id }) => ({ id, state: 'killed' as const, hasEnded: true, tags: [] }));
    return { cluster, kind: known[0]?.kind ?? 'yarn', applications };
  });
}
