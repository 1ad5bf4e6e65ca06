/** Offers that would be refused again and again: the task must not be offered for ever. */
import type { ErrorCode } from '../../schemas/errors.ts';
import type { Fault } from '../../schemas/events/workflow-instance.events.ts';

/** Final refusals in a row after which a task fails. More than one, since another worker of the group may be able. */
export const finalRefusalsMax = 5;

/** Reasons that lie in the offer and not in the moment; every other one passes with time. */
const finalCodes: readonly string[] = ['TASK_TYPE_UNKNOWN', 'BAD_REQUEST'] satisfies ErrorCode[];

export const isFinalRefusal = ({ code }: Pick<Fault, 'code'>): boolean => finalCodes.includes(code);
