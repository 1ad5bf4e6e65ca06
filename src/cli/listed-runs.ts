/** Runs of the list that fit a filter, page by page. */
import type { InstanceId, WorkflowName } from '../../schemas/ids.ts';
import type { RunStatus, RunSummary } from '../../schemas/messages/client.messages.ts';
import { limits } from './limits.ts';
import type { MasterClient } from './master-client.ts';

export type RunFilter = {
  workflow?: WorkflowName | undefined;
  status?: RunStatus | undefined;
  /** Only runs that were submitted at this time or later. */
  sinceAt?: number | undefined;
  /** Only runs that were submitted before this time. */
  untilAt?: number | undefined;
};

/** Newest first; the list ends at the first run that is too old. */
export async function* listedRuns(client: MasterClient, filter: RunFilter): AsyncGenerator<RunSummary> {
  const { workflow, status, sinceAt = Number.NEGATIVE_INFINITY, untilAt = Number.POSITIVE_INFINITY } = filter;
  for (let before: InstanceId | undefined; ; ) {
    const page = await client.runs({
      limit: limits.pageLength,
      ...(workflow === undefined ? {} : { workflow }),
      ...(status === undefined ? {} : { status }),
      ...(before === undefined ? {} : { before }),
    });
    for (const run of page.runs) {
      if (run.submittedAt < sinceAt) return;
      if (run.submittedAt < untilAt) yield run;
    }
    before = page.runs.at(-1)?.instance;
    if (!page.more || before === undefined) return;
  }
}
