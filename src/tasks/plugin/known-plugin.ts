/** Looks a plugin up, or says which ones there are. */
import { nearestName } from '../../definitions/nearest-name.ts';
import type { TaskPlugin, TaskPlugins } from './task-plugin.port.ts';

type KnownPlugin = { kind: 'found'; plugin: TaskPlugin } | { kind: 'unknown'; message: string; remedy: string };

export function knownPlugin(name: string, plugins: TaskPlugins): KnownPlugin {
  const plugin = plugins.get(name);
  if (plugin !== undefined) return { kind: 'found', plugin };
  const names = [...plugins.keys()].sort();
  const nearest = nearestName(name, names);
  return {
    kind: 'unknown',
    message: `expected a plugin that is configured (${names.length === 0 ? 'there is none' : names.join(', ')}); came "${name}"`,
    remedy:
      nearest === undefined ? 'Name its package under "plugins" in the configuration.' : `Did you mean "${nearest}"?`,
  };
}
