/** What plugins say of the settings of their tasks, before a definition is registered. */
import type { TaskSettings } from '../../../schemas/definition/task-settings.ts';
import type { WorkflowDefinition } from '../../../schemas/definition/workflow.definition.ts';
import type { JsonRecord } from '../../../schemas/json.ts';
import type { FoundFault, PathStep } from '../../definitions/definition-fault.ts';
import { knownPlugin } from './known-plugin.ts';
import type { PluginFault, TaskPlugin, TaskPlugins } from './task-plugin.port.ts';

export function pluginFaults({ tasks }: WorkflowDefinition, plugins: TaskPlugins): FoundFault[] {
  return tasks.flatMap(({ settings }, taskIndex): FoundFault[] => {
    const path = ['tasks', taskIndex, 'settings'];
    if (settings.type !== 'map') return faultsOf(settings, path, plugins);
    return faultsOf(settings.task.settings, [...path, 'task', 'settings'], plugins);
  });
}

function faultsOf(settings: TaskSettings, path: readonly PathStep[], plugins: TaskPlugins): FoundFault[] {
  if (settings.type !== 'plugin') return [];
  const found = knownPlugin(settings.plugin, plugins);
  const fault = { code: 'BAD_VALUE', at: 'value' } as const;
  if (found.kind === 'unknown') {
    return [{ ...fault, path: [...path, 'plugin'], message: found.message, remedy: found.remedy }];
  }
  return checked(found.plugin, settings.settings).map(({ path: inner, message, remedy }) => ({
    ...fault,
    path: [...path, 'settings', ...inner],
    message,
    remedy: remedy ?? `See what the plugin "${settings.plugin}" expects.`,
  }));
}

/** A plugin that throws while it checks judges nothing. */
function checked(plugin: TaskPlugin, settings: JsonRecord): readonly PluginFault[] {
  try {
    return plugin.check(settings);
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    return [{ path: [], message: `expected settings that the plugin can check, found a fault of it: ${why}` }];
  }
}
