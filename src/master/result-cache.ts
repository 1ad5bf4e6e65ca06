/**
 * Results of earlier runs in place of attempts. What is kept is told by the journal (`ResultKept`), what is taken is decided
 * once and written down (`TaskCacheHit`): replay asks nobody. Not to find a result is always right.
 */
import { createHash } from 'node:crypto';
import type { Plan, PlannedTask } from '../../actors/graph/plan.ts';
import { fillText } from '../../actors/params/placeholder.ts';
import { mayUseResult } from '../../actors/task-instance/results.decide.ts';
import { attemptInputs } from '../../actors/workflow-instance/attempt-inputs.ts';
import { stateOf } from '../../actors/workflow-instance/task-lookup.ts';
import type { WorkflowInstanceContext } from '../../actors/workflow-instance/workflow-instance.state.ts';
import { type AttemptId, type CacheKey, cacheKeySchema, type InstanceId } from '../../schemas/ids.ts';
import type { JsonValue } from '../../schemas/json.ts';
import type { Clock } from '../clock/clock.port.ts';
import { toCanonicalJson } from '../definitions/canonical.ts';
import type { KeptResult, RunIndex } from '../runs/run-index.port.ts';
import { type AttemptSubject, attemptScope } from '../tasks/attempt-scope.ts';

/** A ready task of a run, as it is about to begin. */
export type ReadyTask = { instance: InstanceId; plan: Plan; task: PlannedTask; context: WorkflowInstanceContext };

export type ResultCache = {
  /** The digest of all that the task is given; undefined where its results are not kept. */
  keyOf(ready: ReadyTask): CacheKey | undefined;
  /** The result that the task may take, if there is one. */
  find(ready: ReadyTask, cacheKey: CacheKey | undefined): KeptResult | undefined;
};

export function createResultCache({ index, clock }: { index: Pick<RunIndex, 'result'>; clock: Clock }): ResultCache {
  return {
    keyOf: (ready) => (ready.task.definition.cache === undefined ? undefined : digestOfInputs(ready)),
    find: ({ task, context }, cacheKey) => {
      const { cache } = task.definition;
      if (cacheKey === undefined || cache === undefined) return undefined;
      const state = stateOf(context, task);
      if (state === undefined || !mayUseResult(task.definition, state)) return undefined;
      const kept = index.result(cacheKey);
      if (kept === undefined) return undefined;
      const expiresAt = Math.min(kept.expiresAt, kept.source.finishedAt + cache.ttlMs);
      return clock.now() < expiresAt ? kept : undefined;
    },
  };
}

/** Grows when the digest is made in another way. */
const digestVersion = 1;

/**
 * Everything that the worker fills in is filled in here as far as a master can; a secret stands for itself by its name. What
 * is about the attempt or the run (`system.task.instance.id`) makes the digest that of this run alone.
 */
export function digestOfInputs({ instance, plan, task, context }: ReadyTask): CacheKey {
  const { name, settings, env } = task.definition;
  // Reason for the cast: no attempt has been made yet; any text that no other run has will do.
  const attemptId = `${instance}.${name}` as AttemptId;
  const inputs = attemptInputs(plan, context, { task, instance, attemptId });
  const { params, needs, late = {}, faulty = {}, logicalAt, timeZone } = inputs;
  const workflow = plan.definition.name;
  const texts = new FilledTexts({ inputs, workflow, instance, task: name, attemptId });
  const given = {
    version: digestVersion,
    workflow,
    task: name,
    settings: isFilled(settings) ? texts.fill(jsonOf(settings)) : jsonOf(settings),
    env: texts.fill(env),
    params,
    needs,
    late,
    faulty,
  };
  const isTimed = texts.hasTime || namesTime(jsonOf(late));
  const time = isTimed ? { logicalAt: logicalAt ?? null, timeZone: timeZone ?? 'UTC' } : null;
  const text = toCanonicalJson({ ...given, time });
  return cacheKeySchema.parse(createHash('sha256').update(text).digest('hex'));
}

type Settings = PlannedTask['definition']['settings'];

/** Whether a worker fills in the texts of the settings; the command of a shell is its own unless it is a template. */
function isFilled(settings: Settings): boolean {
  return settings.type === 'http' || (settings.type === 'shell' && settings.template === true);
}

class FilledTexts {
  /** A text that could not be filled in names a time, or something else that the worker knows. */
  hasTime = false;
  readonly #scope;

  constructor(subject: AttemptSubject) {
    this.#scope = attemptScope(subject, { secretOf: () => undefined });
  }

  fill(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.#filled(value);
    if (Array.isArray(value)) return value.map((part) => this.fill(part));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, this.fill(part)]));
  }

  #filled(text: string): JsonValue {
    const looked = fillText(text, this.#scope);
    if (looked.kind === 'value') return looked.value;
    this.hasTime ||= namesTime(text);
    return text;
  }
}

function namesTime(value: JsonValue): boolean {
  const text = JSON.stringify(value);
  return text.includes('$[') || text.includes('system.');
}

/** Reason for the cast: settings are plain JSON by their schema; its optional fields hide that from the type. */
function jsonOf(value: object): JsonValue {
  return value as unknown as JsonValue;
}
