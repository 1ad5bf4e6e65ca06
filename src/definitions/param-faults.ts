/** Faults of the parameters of a workflow and of its tasks, as they are written. */

import { isTimeZone } from '../../actors/kit/zoned-time.ts';
import { type StaticParamFault, staticParamFaults } from '../../actors/params/static-faults.ts';
import type { JsonRecord } from '../../schemas/json.ts';
import type { FoundFault, PathStep } from './definition-fault.ts';

export type TaskParamsAt = { readonly params: JsonRecord; readonly path: readonly PathStep[] };

/** What the workflow declares goes with each task's own: a circle may lead through both. */
export function paramFaults(params: JsonRecord, tasks: readonly TaskParamsAt[]): FoundFault[] {
  const ofWorkflow = staticParamFaults(params);
  const known = new Set(ofWorkflow.map(({ fault }) => fault.message));
  return [
    ...ofWorkflow.map((found) => faultAt(found, ['params'])),
    ...tasks.flatMap((task) =>
      staticParamFaults({ ...task.params, ...params, ...task.params })
        .filter(({ name, fault }) => Object.hasOwn(task.params, name) && !known.has(fault.message))
        .map((found) => faultAt(found, task.path)),
    ),
  ];
}

/** Of a definition that was written elsewhere: its zone may not be known here. */
export function timeZoneFaults(timeZone: string | undefined): FoundFault[] {
  if (timeZone === undefined || isTimeZone(timeZone)) return [];
  const message = `there is no time zone "${timeZone}"`;
  return [
    { code: 'BAD_VALUE', path: ['timeZone'], message, remedy: 'Use a name like UTC or Europe/Berlin.', at: 'value' },
  ];
}

function faultAt({ name, fault }: StaticParamFault, path: readonly PathStep[]): FoundFault {
  const remedy =
    fault.code === 'PARAM_CIRCULAR'
      ? 'Remove one of these references; "$${" is a plain "${".'
      : 'See docs/parameters.md for what may stand in $[...]; "$$[" is a plain "$[".';
  return { code: 'BAD_VALUE', path: [...path, name], message: fault.message, remedy, at: 'value' };
}
