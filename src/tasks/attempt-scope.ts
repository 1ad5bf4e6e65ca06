/** Fills texts of a task with the values that its attempt has, on the worker, where its secrets are known. */
import { builtInsOf } from '../../actors/params/built-ins.ts';
import { type ParamEntry, ParamScope } from '../../actors/params/param-scope.ts';
import { type Filling, fillText, type Looked } from '../../actors/params/placeholder.ts';
import { errorCatalogue } from '../../schemas/errors.ts';
import type { JsonValue } from '../../schemas/json.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import { AppError } from '../errors/app-error.ts';

export type ScopeSurroundings = {
  secretOf: (name: string) => string | undefined;
  /** Folder of the attempt, for `system.task.execute.path`. */
  folder?: string;
};

/** What an attempt is, apart from who asks for it. */
export type AttemptSubject = Pick<Offer, 'inputs' | 'workflow' | 'instance' | 'task' | 'attemptId'>;

export function attemptScope(offer: AttemptSubject, { secretOf, folder }: ScopeSurroundings): ParamScope {
  const { params, needs, late = {}, faulty = {}, logicalAt, timeZone: zone = 'UTC' } = offer.inputs;
  const { workflow, instance, task, attemptId } = offer;
  const time = logicalAt === undefined ? undefined : { at: logicalAt, zone };
  const names = { workflow, instance, task, attemptId, ...(folder === undefined ? {} : { folder }) };
  const entryOf =
    (isTemplate: boolean) =>
    ([name, value]: [string, JsonValue]) =>
      [name, { value, isTemplate }] as const;
  return new ParamScope({
    entries: new Map<string, ParamEntry>([
      ...Object.entries(params).map(entryOf(false)),
      ...Object.entries(late).map(entryOf(true)),
    ]),
    faults: new Map(Object.entries(faulty)),
    needs,
    builtIns: builtInsOf({ time, ...names }),
    time,
    secretOf,
  });
}

/** @throws AppError with the code of the fault */
export function filledText(
  template: string,
  filling: Filling,
  encode?: (text: string, offset: number) => string,
): string {
  const value = valueOrThrow(fillText(template, filling, encode));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** @throws AppError with the code of the fault */
export function valueOrThrow(looked: Looked): JsonValue {
  switch (looked.kind) {
    case 'value':
      return looked.value;
    case 'late':
      throw new AppError('PARAM_MISSING', 'expected a value, found one that is not known here');
    case 'fault': {
      const { code, message } = looked.fault;
      throw new AppError(isKnown(code) ? code : 'PARAM_MISSING', message);
    }
  }
}

/** A newer master may know faults that this worker does not. */
function isKnown(code: string): code is keyof typeof errorCatalogue {
  return Object.hasOwn(errorCatalogue, code);
}
