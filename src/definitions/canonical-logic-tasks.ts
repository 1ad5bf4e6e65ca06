/** The canonical settings of tasks that the owner of a run decides by itself. */
import type { Condition, ConditionsSettings, SwitchSettings } from '../../schemas/definition/logic-settings.ts';
import type {
  ConditionSource,
  ConditionsTaskSource,
  EndsSource,
  PartsSource,
  SwitchTaskSource,
} from '../../schemas/definition/logic-source.ts';
import type { TaskName } from '../../schemas/ids.ts';

export function canonicalSwitch({ cases, otherwise }: SwitchTaskSource): SwitchSettings {
  return {
    type: 'switch',
    cases: cases.map(({ when, next }) => ({ when, next: [next].flat() })),
    otherwise: [otherwise].flat(),
  };
}

export function canonicalConditions({ when, next, otherwise }: ConditionsTaskSource): ConditionsSettings {
  return { type: 'conditions', when: canonicalCondition(when), next: [next].flat(), otherwise: [otherwise].flat() };
}

export type ReadCondition =
  | { kind: 'all' | 'any'; parts: PartsSource }
  | { kind: 'one'; task: TaskName; is: 'succeeded' | 'failed' }
  | { kind: 'ends'; ends: EndsSource };

/** Which form a condition has. A task may be named `all` or `any`: then how it ended is a text. */
export function readCondition(condition: ConditionSource): ReadCondition {
  if ('all' in condition && typeof condition.all === 'object') return { kind: 'all', parts: condition.all };
  if ('any' in condition && typeof condition.any === 'object') return { kind: 'any', parts: condition.any };
  const { task, is } = condition as { task?: TaskName; is?: 'succeeded' | 'failed' };
  if (task !== undefined && is !== undefined) return { kind: 'one', task, is };
  return { kind: 'ends', ends: condition as EndsSource };
}

function canonicalCondition(condition: ConditionSource): Condition {
  const read = readCondition(condition);
  switch (read.kind) {
    case 'all':
      return { all: canonicalParts(read.parts) };
    case 'any':
      return { any: canonicalParts(read.parts) };
    case 'one':
      return { task: read.task, is: read.is };
    case 'ends': {
      const [first, ...more] = canonicalParts(read.ends);
      return first !== undefined && more.length === 0 ? first : { all: canonicalParts(read.ends) };
    }
  }
}

/** The tasks of a map, each a condition of its own; or the conditions of a list. */
function canonicalParts(parts: PartsSource): Condition[] {
  if (Array.isArray(parts)) return parts.map(canonicalCondition);
  return Object.entries(parts).map(([task, is]) => ({ task: task as TaskName, is }));
}
