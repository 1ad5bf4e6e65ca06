/** A run by its full id, or by the part of it that a person types. */
import { type InstanceId, instanceIdSchema } from '../../schemas/ids.ts';
import type { RunSummary } from '../../schemas/messages/client.messages.ts';
import { AppError } from '../errors/app-error.ts';
import { limits } from './limits.ts';
import type { MasterClient } from './master-client.ts';

const partLengthMin = 4;
const shownMatchesMax = 5;

/**
 * Takes a unique beginning or end of at least four characters. Ids made in the same minutes begin alike (version 7
 * begins with the time), so the end is often the shorter way. Throws INSTANCE_NOT_FOUND or BAD_REQUEST.
 */
export async function resolveInstance(client: MasterClient, text: string): Promise<InstanceId> {
  const part = text.trim().toLowerCase();
  const whole = instanceIdSchema.safeParse(part);
  if (whole.success) return whole.data;
  if (part.length < partLengthMin || !/^[0-9a-f-]+$/.test(part)) {
    throw new AppError(
      'BAD_REQUEST',
      `"${text}" is no run: expected an id, or the first or last ${partLengthMin} or more characters of one. "millrace list" shows them.`,
    );
  }
  const { matches, searchedCount } = await findMatches(client, part);
  const [only, ...others] = matches;
  if (only === undefined) {
    throw new AppError(
      'INSTANCE_NOT_FOUND',
      `No run has an id that begins or ends with "${part}" (${searchedCount} runs searched). "millrace list" shows them.`,
    );
  }
  if (others.length === 0) return only.instance;
  const shown = matches.slice(0, shownMatchesMax).map((run) => `  ${run.instance}  ${run.workflow}  ${run.status}`);
  const rest = matches.length > shownMatchesMax ? [`  and ${matches.length - shownMatchesMax} more`] : [];
  throw new AppError(
    'BAD_REQUEST',
    [`"${part}" fits ${matches.length} runs; give more of the id:`, ...shown, ...rest].join('\n'),
  );
}

async function findMatches(
  client: MasterClient,
  part: string,
): Promise<{ matches: RunSummary[]; searchedCount: number }> {
  const matches: RunSummary[] = [];
  let searchedCount = 0;
  let before: InstanceId | undefined;
  while (searchedCount < limits.searchedRunsMax) {
    const page = await client.runs({ limit: limits.pageLength, ...(before === undefined ? {} : { before }) });
    searchedCount += page.runs.length;
    matches.push(...page.runs.filter((run) => run.instance.startsWith(part) || run.instance.endsWith(part)));
    before = page.runs.at(-1)?.instance;
    if (!page.more || before === undefined) break;
  }
  return { matches, searchedCount };
}
