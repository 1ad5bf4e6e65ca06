/** The ledger of effects: a file to which each attempt appends one line when it starts. It shows what really ran. */
import { existsSync, readFileSync } from 'node:fs';
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { StoredEvent } from './cluster-client.ts';
import { taskOf } from './definitions.ts';

export type LedgerLine = { instance: string; task: string; attemptId: string };

type LedgerTask = { ledger: string; needs?: readonly string[] };

/** A `script` task that takes so long. */
export function scriptTask(name: string, { ledger, needs = [], afterMs = 0 }: LedgerTask & { afterMs?: number }) {
  const steps = [{ result: 'succeed' as const, afterMs, outputs: {} }];
  return { ...taskOf(name, needs), settings: { type: 'script' as const, steps, ledger } } satisfies TaskDefinition;
}

/** A `shell` task: its line in the form that script tasks write, then the command. */
export function shellTask(name: string, { ledger, needs = [], command }: LedgerTask & { command: string }) {
  const line = '"- $MILLRACE_INSTANCE $MILLRACE_TASK $MILLRACE_ATTEMPT $MILLRACE_ATTEMPT_ID"';
  const settings = { type: 'shell' as const, command: `echo ${line} >> '${ledger}'; ${command}`, graceMs: 500 };
  return { ...taskOf(name, needs), settings } satisfies TaskDefinition;
}

export function readLedger(file: string): LedgerLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [, instance, task, , attemptId] = line.split(' ');
    if (instance === undefined || task === undefined || attemptId === undefined) {
      throw new Error(`a line of the ledger is torn: ${JSON.stringify(line)}`);
    }
    return { instance, task, attemptId };
  });
}

/**
 * Why attempts are given up whose worker has said nothing: only they may start late, since a worker that refuses an attempt, or
 * says that it has lost it, never starts it.
 */
export const silenceCodes: ReadonlySet<string> = new Set(['WORKER_UNREACHABLE', 'TASK_LOST_TOO_OFTEN']);

/**
 * What the ledger and the history of one run disagree on: an attempt that started twice (I4), one that nobody assigned, one
 * that succeeded without a start, or one that started after the task had succeeded.
 *
 * `lateStartsOfGivenUp`: an attempt whose worker was silent may start late. A frozen worker, or NATS, held its offer, and the
 * revocation could not overtake it.
 */
export function disagreements(
  ledger: readonly LedgerLine[],
  history: readonly StoredEvent[],
  { lateStartsOfGivenUp = false } = {},
): string[] {
  const instance = history[0]?.stream.slice('workflowInstance-'.length);
  const assigned = idsOf(history, 'TaskAssigned');
  const succeeded = idsOf(history, 'TaskSucceeded');
  const ofSilent = history.filter(({ data }) =>
    silenceCodes.has((data.reason as { code?: string } | undefined)?.code ?? ''),
  );
  const givenUp = new Set([...idsOf(ofSilent, 'TaskRejected'), ...idsOf(ofSilent, 'TaskLost')]);
  const started = new Set<string>();
  const done = new Set<string>();
  const found: string[] = [];
  for (const { task, attemptId, instance: of } of ledger) {
    if (of !== instance) continue;
    if (started.has(attemptId)) found.push(`${task}: the attempt ${attemptId} started twice`);
    if (!assigned.has(attemptId)) found.push(`${task}: nobody assigned the attempt ${attemptId}`);
    // Attempts of a task follow each other: the one that succeeded is the last.
    const mayBeLate = lateStartsOfGivenUp && givenUp.has(attemptId);
    if (done.has(task) && !mayBeLate)
      found.push(`${task}: the attempt ${attemptId} started after the task had succeeded`);
    started.add(attemptId);
    if (succeeded.has(attemptId)) done.add(task);
  }
  for (const attemptId of succeeded) if (!started.has(attemptId)) found.push(`${attemptId} succeeded but never ran`);
  return found;
}

function idsOf(history: readonly StoredEvent[], type: string): Set<string> {
  return new Set(history.filter((event) => event.type === type).map(({ data }) => String(data.attemptId)));
}
