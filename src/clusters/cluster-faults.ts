/** What is wrong with the clusters that the tasks of a definition name, before it is registered. */
import type { TaskSettings } from '../../schemas/definition/task-settings.ts';
import type { WorkflowDefinition } from '../../schemas/definition/workflow.definition.ts';
import type { FoundFault, PathStep } from '../definitions/definition-fault.ts';
import { nearestName } from '../definitions/nearest-name.ts';

/** The kinds of the clusters of the configuration, by name. */
export type ClusterKinds = Readonly<Record<string, { kind: 'yarn' | 'kubernetes' }>>;

/** @param clusters undefined: not known here, then nothing is wrong */
export function clusterFaults({ tasks }: WorkflowDefinition, clusters: ClusterKinds | undefined): FoundFault[] {
  if (clusters === undefined) return [];
  return tasks.flatMap(({ settings }, taskIndex): FoundFault[] => {
    const path = ['tasks', taskIndex, 'settings'];
    if (settings.type !== 'map') return faultsOf(settings, path, clusters);
    return faultsOf(settings.task.settings, [...path, 'task', 'settings'], clusters);
  });
}

function faultsOf(settings: TaskSettings, path: readonly PathStep[], clusters: ClusterKinds): FoundFault[] {
  if (!('cluster' in settings) || settings.cluster === undefined) return [];
  const name = settings.cluster;
  const found = Object.hasOwn(clusters, name) ? clusters[name]?.kind : undefined;
  const fault = { code: 'BAD_VALUE', at: 'value', path: [...path, 'cluster'] } as const;
  if (found === undefined) {
    const names = Object.keys(clusters).sort();
    const nearest = nearestName(name, names);
    const message = `expected a cluster that is configured (${names.length === 0 ? 'there is none' : names.join(', ')}); came "${name}"`;
    const remedy =
      nearest === undefined
        ? 'Add it under "clusters" in the configuration of masters and workers.'
        : `Did you mean "${nearest}"?`;
    return [{ ...fault, message, remedy }];
  }
  const expected = kindFor(settings);
  if (expected === undefined || expected === found) return [];
  const message = `expected a cluster of the kind ${expected} for a ${settings.type} task; "${name}" is of the kind ${found}`;
  return [{ ...fault, message, remedy: `Name a cluster of the kind ${expected}.` }];
}

/** Undefined: any kind will do. */
function kindFor(settings: TaskSettings): 'yarn' | 'kubernetes' | undefined {
  switch (settings.type) {
    case 'flink':
    case 'mapreduce':
    case 'yarn':
      return settings.command === undefined ? 'yarn' : undefined;
    case 'k8s':
      return 'kubernetes';
    case 'spark':
      if (settings.command !== undefined) return undefined;
      return settings.master.startsWith('k8s://') ? 'kubernetes' : 'yarn';
    default:
      return undefined;
  }
}
