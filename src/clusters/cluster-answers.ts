/** Reads what a cluster answered: JSON of the expected form, or a fault with a code. */
import type { z } from 'zod';
import { AppError } from '../errors/app-error.ts';
import type { ClusterAnswer } from './cluster-request.ts';

const shownLengthMax = 200;
export const diagnosticsLengthMax = 1_000;

/** @throws AppError CLUSTER_ANSWER_INVALID */
export function parseAnswer<S extends z.ZodType>(schema: S, answer: ClusterAnswer, cluster: string): z.output<S> {
  const parsed = schema.safeParse(jsonOf(answer.body));
  if (parsed.success && answer.status < 300) return parsed.data;
  throw invalid(answer, cluster);
}

export function invalid(answer: ClusterAnswer, cluster: string): AppError {
  const found = shortened(answer.body.trim(), shownLengthMax);
  return new AppError(
    'CLUSTER_ANSWER_INVALID',
    `expected JSON of the cluster ${cluster}, found status ${answer.status} and: ${found === '' ? 'nothing' : found}. Check that its addresses are those of its API.`,
  );
}

/** Undefined when the body is not of that form. */
export function answerAs<S extends z.ZodType>(schema: S, answer: ClusterAnswer): z.output<S> | undefined {
  return schema.safeParse(jsonOf(answer.body)).data;
}

export function refused(cluster: string, { status }: ClusterAnswer, why: string | undefined): AppError {
  const remedy =
    status === 401
      ? 'Check its credentials in the configuration.'
      : 'Give its user that right, or ask as another user.';
  const said = why === undefined || why === '' ? '' : `: ${shortened(why, shownLengthMax)}`;
  return new AppError('CLUSTER_REFUSED', `the cluster ${cluster} refused with status ${status}${said}. ${remedy}`);
}

export function shortened(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}...` : text;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // No JSON fits no schema.
  }
}
