/** Plugins out of packages, or files, of the folder in which the process was started. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { pluginNameSchema } from '../../../schemas/definition/program-settings.ts';
import { jsonRecordSchema } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import type { TaskPlugin, TaskPlugins } from './task-plugin.port.ts';

/** A port that others implement is a border: its form is checked. */
const taskPluginSchema = z.looseObject({
  apiVersion: z.literal(1),
  name: pluginNameSchema,
  settingsSchema: jsonRecordSchema.optional(),
  check: z.function(),
  start: z.function(),
  adopt: z.function().optional(),
});

/** @throws AppError BAD_CONFIGURATION naming the package */
export async function loadPlugins(packages: readonly string[], folder: string): Promise<TaskPlugins> {
  const plugins = new Map<string, TaskPlugin>();
  for (const name of packages) {
    const plugin = await loadPlugin(name, folder);
    if (plugins.has(plugin.name)) throw unfit(name, `a plugin of another name than "${plugin.name}", which is taken`);
    plugins.set(plugin.name, plugin);
  }
  return plugins;
}

async function loadPlugin(name: string, folder: string): Promise<TaskPlugin> {
  const exported = await imported(name, folder);
  const checked = taskPluginSchema.safeParse(exported.taskPlugin);
  if (checked.success) return exported.taskPlugin as TaskPlugin; // Checked as far as it can be.
  const issue = checked.error.issues[0];
  throw unfit(name, 'that it exports a "taskPlugin"', `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

async function imported(name: string, folder: string): Promise<{ taskPlugin?: unknown }> {
  try {
    const path = createRequire(join(folder, 'package.json')).resolve(name);
    return (await import(pathToFileURL(path).href)) as { taskPlugin?: unknown };
  } catch (cause) {
    const [why = ''] = (cause as Error).message.split('\n');
    throw unfit(name, `a package or a file that can be loaded from ${folder}`, why, cause);
  }
}

function unfit(name: string, expected: string, found?: string, cause?: unknown): AppError {
  const rest = found === undefined ? '' : `, found: ${found}`;
  return new AppError('BAD_CONFIGURATION', `plugins: "${name}": expected ${expected}${rest}.`, { cause });
}
