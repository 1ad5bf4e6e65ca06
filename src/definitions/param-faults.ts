/** Faults of the parameters of a workflow and of its tasks, as they are written. */

import { isTimeZone } from '../../actors/kit/zoned-time.ts';
import { staticParamFaults, staticTimeFault } from '../../actors/params/static-faults.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';
import type { JsonRecord, JsonValue } from '../../schemas/json.ts';
import type { FoundFault, PathStep } from './definition-fault.ts';

export type TaskParamsAt = { readonly params: JsonRecord; readonly path: readonly PathStep[] };

/** What the workflow declares goes with each task's own: a circle may lead through both. */
export function paramFaults(params: JsonRecord, tasks: readonly TaskParamsAt[]): FoundFault[] {
  const ofWorkflow = staticParamFaults(params);
  const known = new Set(ofWorkflow.map(({ fault }) => fault.message));
  return [
    ...ofWorkflow.map(({ name, fault }) => faultAt(fault, ['params', name])),
    ...tasks.flatMap((task) =>
      staticParamFaults({ ...task.params, ...params, ...task.params })
        .filter(({ name, fault }) => Object.hasOwn(task.params, name) && !known.has(fault.message))
        .map(({ name, fault }) => faultAt(fault, [...task.path, name])),
    ),
  ];
}

export type TextAt = { readonly text: JsonValue | undefined; readonly path: readonly PathStep[] };

/** Times without a meaning in texts of tasks that are filled in. */
export function textFaults(texts: readonly TextAt[]): FoundFault[] {
  return texts.flatMap(({ text, path }) => {
    const fault = text === undefined ? undefined : staticTimeFault(text);
    return fault === undefined ? [] : [faultAt(fault, path)];
  });
}

/** Of a definition that was written elsewhere: its zone may not be known here. */
export function timeZoneFaults(timeZone: string | undefined): FoundFault[] {
  if (timeZone === undefined || isTimeZone(timeZone)) return [];
  const message = `there is no time zone "${timeZone}"`;
  return [
    { code: 'BAD_VALUE', path: ['timeZone'], message, remedy: 'Use a name like UTC or Europe/Berlin.', at: 'value' },
  ];
}

function faultAt(fault: Fault, path: readonly PathStep[]): FoundFault {
  const remedy =
    fault.code === 'PARAM_CIRCULAR'
      ? 'Remove one of these references; "$${" is a plain "${".'
      : 'See docs/parameters.md for what may stand in $[...]; "$$[" is a plain "$[".';
  return { code: 'BAD_VALUE', path, message: fault.message, remedy, at: 'value' };
}
