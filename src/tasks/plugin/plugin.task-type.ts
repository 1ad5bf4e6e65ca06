/** `plugin`: an attempt is run by a plugin of this worker. One that can adopt survives a restart of the worker. */
import { fillValue } from '../../../actors/params/placeholder.ts';
import { applicationIdSchema } from '../../../schemas/clusters/application-id.schema.ts';
import { kindOfApplication } from '../../../schemas/clusters/application-ids.ts';
import type { ErrorCode } from '../../../schemas/errors.ts';
import { type JsonRecord, jsonRecordSchema } from '../../../schemas/json.ts';
import { AppError } from '../../errors/app-error.ts';
import { attemptScope, valueOrThrow } from '../attempt-scope.ts';
import { runPromised } from '../promised-task.ts';
import { settingsOf } from '../settings-of.ts';
import { tooLarge } from '../shell-outputs.ts';
import type { AttemptContext, AttemptResult, RunningAttempt, TaskType } from '../task-type.port.ts';
import { knownPlugin } from './known-plugin.ts';
import type { PluginContext, TaskPlugin, TaskPlugins } from './task-plugin.port.ts';

export function createPluginTaskType(plugins: TaskPlugins): TaskType {
  return {
    type: 'plugin',
    hasOutsideEffects: () => true,
    start: (context) => follow(context, (own) => pluginOf(context, plugins).start(own)),
    adopt: async (context) => {
      const plugin = plugins.get(settingsOf(context.offer, 'plugin').plugin);
      const adopt = plugin?.adopt?.bind(plugin);
      return adopt === undefined ? undefined : follow(context, adopt);
    },
  };
}

function pluginOf({ offer }: AttemptContext, plugins: TaskPlugins): TaskPlugin {
  const found = knownPlugin(settingsOf(offer, 'plugin').plugin, plugins);
  if (found.kind === 'found') return found.plugin;
  throw new AppError('PLUGIN_UNKNOWN', `${found.message}. ${found.remedy}`);
}

function follow(context: AttemptContext, run: (own: PluginContext) => Promise<JsonRecord>): RunningAttempt {
  return runPromised(context, (_, signal) => resultOf(context, () => run(pluginContext(context, signal))));
}

async function resultOf(context: AttemptContext, run: () => Promise<JsonRecord>): Promise<AttemptResult> {
  try {
    const outputs = jsonRecordSchema.safeParse((await run()) ?? {});
    if (!outputs.success)
      return failed('OUTPUT_INVALID', 'expected a map of JSON values as outputs, found something else');
    const sizeBytes = Buffer.byteLength(JSON.stringify(outputs.data));
    if (sizeBytes > context.outputSizeBytesMax) return tooLarge(sizeBytes, context.outputSizeBytesMax);
    return { kind: 'succeeded', outputs: outputs.data };
  } catch (fault) {
    if (fault instanceof AppError) return failed(fault.code, fault.message);
    return failed('PLUGIN_FAILED', fault instanceof Error ? fault.message : String(fault));
  }
}

function pluginContext(context: AttemptContext, signal: AbortSignal): PluginContext {
  const { offer, secrets } = context;
  const { settings } = settingsOf(offer, 'plugin');
  const { workflow, instance, task, attempt, attemptId, idempotencyKey } = offer;
  const scope = attemptScope(offer, { secretOf: secrets.find });
  return {
    settings: jsonRecordSchema.parse(valueOrThrow(fillValue(settings, scope))),
    ...{ workflow, instance, task, attempt, attemptId, idempotencyKey, signal },
    folder: () => context.folder().work,
    writeLog: (text) => context.writeLog(Buffer.from(text)),
    foundApplication: ({ cluster, id }) => {
      const parsed = applicationIdSchema.safeParse(id);
      if (!parsed.success)
        throw new Error(`expected the id of an application, found "${id}": ${parsed.error.issues[0]?.message}`);
      context.foundApplication({ kind: kindOfApplication(id), id, cluster });
    },
  };
}

function failed(code: ErrorCode, message: string): AttemptResult {
  return { kind: 'failed', fault: { code, message } };
}
