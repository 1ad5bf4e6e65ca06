/**
 * Names and ids. Each is branded, so that an attempt id is never passed where an instance id is meant.
 * Names appear in NATS subjects and stream names: letters, digits, `_` and `-` only.
 */
import { z } from 'zod';

const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const nodePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

const name = (what: string) =>
  z.string().regex(namePattern, `a ${what} is a letter followed by up to 62 letters, digits, "_" or "-"`);
const nodeName = (what: string) => z.string().regex(nodePattern, `a ${what} has 1 to 63 letters, digits, "_" or "-"`);

export const workflowNameSchema = name('workflow name').brand<'WorkflowName'>();
export const taskNameSchema = name('task name').brand<'TaskName'>();
/** A task of a run: one of the definition, or an item of a map by its number from 0: `resize[17]`. */
export const runTaskNameSchema = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]{0,62}(\[(0|[1-9]\d{0,5})\])?$/,
    'a task of a run is a task name, or that of a map with the number of an item: resize[17]',
  )
  .brand<'TaskName'>();
export const workerGroupSchema = name('worker group').brand<'WorkerGroup'>();
export const taskGroupNameSchema = name('task group name').brand<'TaskGroupName'>();
export const clusterNameSchema = name('cluster name').brand<'ClusterName'>();
export const paramNameSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'a parameter name is a letter or "_" followed by letters, digits or "_"');

export const instanceIdSchema = z.guid().brand<'InstanceId'>();
export const attemptIdSchema = z.guid().brand<'AttemptId'>();
export const eventIdSchema = z.guid().brand<'EventId'>();
export const incarnationSchema = z.guid().brand<'Incarnation'>();
export const masterIdSchema = nodeName('master id').brand<'MasterId'>();
export const workerIdSchema = nodeName('worker id').brand<'WorkerId'>();

/** The caller's identity of a submission; kept for ever. Any text of 1 to 512 characters. */
export const submissionKeySchema = z.string().min(1).max(512).brand<'SubmissionKey'>();
/** SHA-256 of the canonical definition, as 64 hexadecimal digits. */
export const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'Digest'>();

/** SHA-256 of what a task is given, as 64 hexadecimal digits. */
export const cacheKeySchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'CacheKey'>();

export type WorkflowName = z.infer<typeof workflowNameSchema>;
export type TaskName = z.infer<typeof taskNameSchema>;
export type ClusterName = z.infer<typeof clusterNameSchema>;
export type WorkerGroup = z.infer<typeof workerGroupSchema>;
export type TaskGroupName = z.infer<typeof taskGroupNameSchema>;
export type InstanceId = z.infer<typeof instanceIdSchema>;
export type AttemptId = z.infer<typeof attemptIdSchema>;
export type EventId = z.infer<typeof eventIdSchema>;
export type Incarnation = z.infer<typeof incarnationSchema>;
export type MasterId = z.infer<typeof masterIdSchema>;
export type WorkerId = z.infer<typeof workerIdSchema>;
export type SubmissionKey = z.infer<typeof submissionKeySchema>;
export type Digest = z.infer<typeof digestSchema>;
export type CacheKey = z.infer<typeof cacheKeySchema>;
