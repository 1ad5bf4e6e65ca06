/** What the outside owes for the orders to the cluster: every master follows the stream and obeys it by itself. */
import type { ClusterOperationsContext } from './cluster-operations.state.ts';

/** Make sure, now and then, that no end of a crowned task was missed: comes back as RemoveCrown. */
export type ClusterOperationsEffect = { type: 'watchCrowns' };

export function pendingOperationsEffects({
  context,
}: {
  context: ClusterOperationsContext;
}): ClusterOperationsEffect[] {
  return context.crowns.length > 0 ? [{ type: 'watchCrowns' }] : [];
}
