/** What dependents still wait for, in words: looked up when somebody asks, by any master. */
import { verdictOf } from '../../actors/dependent/evaluate.ts';
import { evidenceWords, missingWords } from '../../actors/dependent/words.ts';
import { logicalTimeOf } from '../../actors/workflow-instance/attempt-inputs.ts';
import type { DependentSettings } from '../../schemas/definition/run-settings.ts';
import type { TaskSummary } from '../../schemas/messages/client.messages.ts';
import { Dependence, type DependenceSources } from './dependence.ts';
import type { FoldedRun } from './fold-run.ts';

type Run = Pick<FoldedRun, 'actor' | 'snapshot'>;

/** Of a run with more waiting dependents the first ones are looked at. */
const lookedAtMax = 20;

/** The tasks of a run; those that wait for other runs say for which. What comes from the run's own stream stays as it is. */
export async function withMissingRuns(
  sources: DependenceSources,
  run: Run,
  tasks: readonly TaskSummary[],
): Promise<TaskSummary[]> {
  const told: TaskSummary[] = [];
  let lookedAtCount = 0;
  for (const task of tasks) {
    const settings = task.status === 'awaiting' ? settingsOf(run, task) : undefined;
    const isLookedAt = settings !== undefined && lookedAtCount < lookedAtMax;
    if (isLookedAt) lookedAtCount += 1;
    told.push(isLookedAt ? { ...task, missing: await missingNote(sources, run, settings) } : task);
  }
  return told;
}

function settingsOf({ actor: { plan } }: Run, { task }: TaskSummary): DependentSettings | undefined {
  const settings = plan.find(task)?.definition.settings;
  return settings?.type === 'dependent' ? settings : undefined;
}

async function missingNote(
  sources: DependenceSources,
  { actor, snapshot }: Run,
  settings: DependentSettings,
): Promise<string> {
  const { at: logicalAt, zone } = logicalTimeOf(actor.plan, snapshot.context);
  const evaluation = await new Dependence(sources, settings, { logicalAt, timeZone: zone }).evaluate();
  switch (evaluation.kind) {
    case 'met':
      return 'what it waited for is there; it is about to end';
    case 'failed': {
      const words = evidenceWords(evaluation.evidence, zone);
      const isFinal = verdictOf(evaluation, settings, evaluation.failedAt).kind === 'fail';
      return isFinal ? words : `waits for a better run: ${words}`;
    }
    case 'open':
      return missingWords(evaluation.missing, zone);
  }
}
