/** How long the owner of a run waits for clusters, and where a task may have applications. */
import type { TaskDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { OrphanPolicy } from '../../schemas/events/application.events.ts';
import type { AttemptId } from '../../schemas/ids.ts';
import type { TaskContext } from './task-instance.state.ts';

export const applicationLimits = {
  /** For an application that the cluster does not know: one that was just submitted may still appear. */
  unknownMs: 30_000,
  /** For a cluster that does not answer. */
  answerMs: 600_000,
  /** For the end of an application that was killed. */
  killMs: 600_000,
  /** For the end of an application that is followed. */
  followMs: 604_800_000,
} as const;

type OnOrphaned = { policy: OrphanPolicy; followLimitMs: number; answerLimitMs: number };

/** Definitions from before there was a choice have none. */
export function onOrphanedOf({ onOrphaned }: TaskDefinition): OnOrphaned {
  return {
    policy: onOrphaned?.policy ?? 'adopt',
    followLimitMs: onOrphaned?.followLimitMs ?? applicationLimits.followMs,
    answerLimitMs: onOrphaned?.answerLimitMs ?? applicationLimits.answerMs,
  };
}

/** Where the attempt may have applications: those that are known, and those that bear its tag. Empty: it has none. */
export function clustersOf(definition: TaskDefinition, context: TaskContext, attemptId: AttemptId): string[] {
  const known = context.applications.filter((one) => one.attemptId === attemptId).map(({ cluster }) => cluster);
  const named = taggedClusterOf(definition);
  return [...new Set([...(named === undefined ? [] : [named]), ...known])];
}

/** The cluster on which the task tags its applications with the id of their attempt. */
export function taggedClusterOf({ settings }: Pick<TaskDefinition, 'settings'>): string | undefined {
  return 'cluster' in settings ? settings.cluster : undefined;
}
