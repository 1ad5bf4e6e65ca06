/** What `switch` and `conditions` tasks say of other tasks and of values, with its place; of both forms of a definition. */
import type { ConditionSource, PartsSource } from '../../schemas/definition/logic-source.ts';
import { readCondition } from './canonical-logic-tasks.ts';
import type { PathStep } from './definition-fault.ts';

type NameAt = { readonly name: string; readonly path: readonly PathStep[]; readonly at: 'name' | 'value' };

export type LogicTask = {
  readonly name: string;
  readonly needs: readonly string[];
  /** Names of its own parameters. */
  readonly params: readonly string[];
  readonly path: readonly PathStep[];
  readonly cases: readonly { readonly when: string; readonly path: readonly PathStep[] }[];
  /** The tasks of each way; the last one is `otherwise`. */
  readonly ways: readonly (readonly NameAt[])[];
  /** Tasks whose end a condition asks for. */
  readonly asked: readonly NameAt[];
};

type Names = string | readonly string[];

/** The settings of a task in either form: the stored one is among those that users may write. */
export type LogicSettings =
  | { type: 'switch'; cases: readonly { when: string; next: Names }[]; otherwise: Names }
  | { type: 'conditions'; when: ConditionSource; next: Names; otherwise: Names };

type Around = Pick<LogicTask, 'name' | 'needs' | 'params' | 'path'>;

export function logicTaskOf(settings: LogicSettings, around: Around): LogicTask {
  const { path } = around;
  const otherwise = namesAt(settings.otherwise, [...path, 'otherwise']);
  if (settings.type === 'conditions') {
    const ways = [namesAt(settings.next, [...path, 'next']), otherwise];
    return { ...around, cases: [], ways, asked: askedIn(settings.when, [...path, 'when']) };
  }
  const cases = settings.cases.map(({ when }, index) => ({ when, path: [...path, 'cases', index, 'when'] }));
  const ways = settings.cases.map(({ next }, index) => namesAt(next, [...path, 'cases', index, 'next']));
  return { ...around, cases, ways: [...ways, otherwise], asked: [] };
}

function namesAt(names: Names, path: readonly PathStep[]): NameAt[] {
  if (typeof names === 'string') return [{ name: names, path, at: 'value' }];
  return names.map((name, index) => ({ name, path: [...path, index], at: 'value' }));
}

function askedIn(condition: ConditionSource, path: readonly PathStep[]): NameAt[] {
  const read = readCondition(condition);
  switch (read.kind) {
    case 'all':
    case 'any':
      return askedInParts(read.parts, [...path, read.kind]);
    case 'one':
      return [{ name: read.task, path: [...path, 'task'], at: 'value' }];
    case 'ends':
      return askedInParts(read.ends, path);
  }
}

function askedInParts(parts: PartsSource, path: readonly PathStep[]): NameAt[] {
  if (Array.isArray(parts)) return parts.flatMap((part, index) => askedIn(part, [...path, index]));
  return Object.keys(parts).map((name) => ({ name, path: [...path, name], at: 'name' }));
}
