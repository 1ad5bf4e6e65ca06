/**
 * Task types that run a command with `/bin/sh -c`, where its host says; what happens to the process is told there (S1-S3).
 * An attempt survives the worker when its host does. What the command is, is the type's own matter.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ParamScope } from '../../actors/params/param-scope.ts';
import type { TaskType as TaskTypeName } from '../../schemas/definition/task-settings.ts';
import type { Offer } from '../../schemas/messages/attempt.messages.ts';
import type { Clock } from '../clock/clock.port.ts';
import type { ClusterClient, ClusterClients } from '../clusters/cluster-client.port.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import { type FollowedEnd, followToEnd } from './application-end.ts';
import {
  type ApplicationWatch,
  type KnownClusters,
  type Submission,
  watchApplications,
} from './attempt-applications.ts';
import { attemptScope } from './attempt-scope.ts';
import type { CommandEnd, CommandHost, CommandListener, RunningCommand } from './command-host.port.ts';
import { createDirectCommandHost } from './direct-command-host.ts';
import type { ProcessTable } from './process-table.port.ts';
import { readSaidOutputs } from './said-outputs.ts';
import { type ShellFiles, shellEnvironment } from './shell-environment.ts';
import { readShellOutputs } from './shell-outputs.ts';
import type { AttemptContext, AttemptFolder, AttemptResult, RunningAttempt, TaskType } from './task-type.port.ts';

const ownerOnly = 0o600;

export type CommandTaskTypeOptions = {
  processes: ProcessTable;
  /** The worker's environment; only PATH, HOME, LANG, TZ and USER are passed on. */
  baseEnvironment: Readonly<Record<string, string | undefined>>;
  /** Default: this very process; then no attempt survives it. */
  host?: CommandHost;
  /** Of the configuration: what it says of applications that are found. */
  clusters?: KnownClusters;
  /** To follow what runs on when its client has ended. Absent: the end of the client is the end of the attempt. */
  clusterClients?: ClusterClients;
  log?: Log;
};

/** What differs between the types. */
export type CommandPlan = {
  type: TaskTypeName;
  /** For `/bin/sh -c`; files that it needs are written to the root of the folder. */
  commandOf(offer: Offer, surroundings: { scope: ParamScope; folder: AttemptFolder }): string;
  graceMsOf(offer: Offer): number;
  /** Where the command submits applications. Undefined, or absent: nowhere. */
  submissionOf?(offer: Offer): Submission | undefined;
};

type Surroundings = {
  host: CommandHost;
  base: CommandTaskTypeOptions['baseEnvironment'];
  clusters: KnownClusters;
  clusterClients: ClusterClients | undefined;
};

/** An attempt that may have applications. */
type Watched = { watch: ApplicationWatch; cluster: ClusterClient | undefined };

/** One attempt as it goes on: its command, then perhaps what that has left on a cluster. */
type Attempt = { command: RunningCommand | undefined; followed: FollowedEnd | undefined };

export function createCommandTaskType(plan: CommandPlan, options: CommandTaskTypeOptions): TaskType {
  const hostFor = hostOf(options);
  const { baseEnvironment: base, clusters = {}, clusterClients } = options;
  const surroundingsOf = ({ clock }: AttemptContext): Surroundings => ({
    host: hostFor(clock),
    base,
    clusters,
    clusterClients,
  });
  return {
    type: plan.type,
    hasOutsideEffects: () => true,
    start: (context) => start(context, plan, surroundingsOf(context)),
    adopt: (context) => adopt(context, plan, surroundingsOf(context)),
  };
}

/** The clock comes with the first attempt. */
function hostOf({ host, processes, log = silentLog }: CommandTaskTypeOptions): (clock: Clock) => CommandHost {
  let direct = host;
  return (clock) => {
    direct ??= createDirectCommandHost({ processes, clock, log });
    return direct;
  };
}

function start(context: AttemptContext, plan: CommandPlan, surroundings: Surroundings): RunningAttempt {
  const { offer, secrets } = context;
  const { host, base } = surroundings;
  const folder = context.folder();
  const submission = plan.submissionOf?.(offer);
  const watched = watchedOf(context, submission, surroundings, true);
  const files = { ...filesIn(folder), applications: watched?.watch.path };
  const attempt: Attempt = { command: undefined, followed: undefined };
  const scope = attemptScope(offer, { secretOf: secrets.find, folder: folder.work });
  const { params, needs } = offer.inputs;
  writeFileSync(files.inputs, JSON.stringify({ params, needs }), { mode: ownerOnly });
  writeFileSync(files.output, '', { mode: ownerOnly });
  attempt.command = host.start(
    {
      attemptId: offer.attemptId,
      command: plan.commandOf(offer, { scope, folder }),
      folder: folder.work,
      environment: shellEnvironment({ ...userOf(submission, surroundings), ...base }, { offer, scope, files }),
      graceMs: plan.graceMsOf(offer),
      output: context.outputPlace(),
      ...(submission?.client === undefined ? {} : { client: submission.client }),
      ...(secrets.mask.isEmpty ? {} : { masked: secrets.mask.texts }),
    },
    listenerOf(context, watched, attempt),
  );
  return toRunningAttempt(attempt);
}

async function adopt(
  context: AttemptContext,
  plan: CommandPlan,
  surroundings: Surroundings,
): Promise<RunningAttempt | undefined> {
  const { offer } = context;
  const watched = watchedOf(context, plan.submissionOf?.(offer), surroundings, false);
  const attempt: Attempt = { command: undefined, followed: undefined };
  const listener = listenerOf(context, watched, attempt);
  const graceMs = plan.graceMsOf(offer);
  attempt.command = await surroundings.host.adopt({ attemptId: offer.attemptId, graceMs }, listener);
  if (attempt.command !== undefined) return toRunningAttempt(attempt);
  watched?.watch.finish();
  return undefined;
}

function watchedOf(
  context: AttemptContext,
  submission: Submission | undefined,
  { clusters, clusterClients }: Surroundings,
  isNew: boolean,
): Watched | undefined {
  if (submission === undefined) return undefined;
  const isKnown = Object.hasOwn(clusters, submission.cluster);
  const cluster = isKnown ? clusterClients?.named(submission.cluster) : undefined;
  return { watch: watchApplications(context, submission, { clusters, isNew }), cluster };
}

/** What YARN knows by its own name of may be killed by that name. */
function userOf(submission: Submission | undefined, { clusters }: Surroundings): Record<string, string> {
  const config = submission === undefined ? undefined : clusters[submission.cluster];
  return config?.kind === 'yarn' ? { HADOOP_USER_NAME: config.user } : {};
}

function toRunningAttempt(attempt: Attempt): RunningAttempt {
  return {
    cancel: (urgency, reason = 'stop') => {
      attempt.followed?.cancel();
      attempt.command?.cancel(urgency, reason);
    },
  };
}

function filesIn({ root }: AttemptFolder): Pick<ShellFiles, 'inputs' | 'output'> {
  return { inputs: join(root, 'inputs.json'), output: join(root, 'outputs') };
}

/** The command is late: the listener is made before it. */
function listenerOf(context: AttemptContext, watched: Watched | undefined, attempt: Attempt): CommandListener {
  return {
    spawned: (process) => context.noteProcess(process, () => attempt.command?.openGate()),
    wrote: (sizeBytes) => context.noteOutput(sizeBytes),
    found: (application) => watched?.watch.found(application),
    ended: (end, endedAt) => {
      watched?.watch.finish();
      const told = (result: AttemptResult, at = endedAt): void =>
        context.ended(result, {
          ...(at === undefined ? {} : { endedAt: at }),
          onDurable: () => attempt.command?.forget(),
        });
      const result = resultOf(end, context);
      if (result.kind === 'succeeded' && watched?.cluster !== undefined) {
        attempt.followed = follow(context, watched, result, told);
      }
      if (attempt.followed === undefined) told(result);
    },
  };
}

/** Undefined when nothing was submitted. */
function follow(
  context: AttemptContext,
  { watch, cluster }: Watched,
  result: AttemptResult,
  told: (result: AttemptResult, endedAt?: number) => void,
): FollowedEnd | undefined {
  if (cluster === undefined || watch.ids.length === 0) return undefined;
  const onEnd = (end: 'well' | 'cancelled' | AttemptResult): void => {
    if (end === 'cancelled') told({ kind: 'cancelled' }, context.clock.now());
    else told(end === 'well' ? result : end, context.clock.now());
  };
  return followToEnd({ context, cluster, ids: watch.ids, onEnd });
}

function resultOf(end: CommandEnd, context: AttemptContext): AttemptResult {
  switch (end.kind) {
    case 'exited':
      return end.exitCode === 0 ? outputsOf(context) : exitedBadly(end.exitCode, end.lastLine);
    case 'killed': {
      const message = `the command was ended by ${end.signal}. ${lastWords(end.lastLine)}`;
      return { kind: 'failed', fault: { code: 'TASK_KILLED', message } };
    }
    case 'cancelled':
      return { kind: 'cancelled', reason: end.reason };
    case 'startFailed':
      return { kind: 'failed', fault: { code: 'TASK_START_FAILED', message: end.message } };
    case 'lost':
      return { kind: 'lost', fault: { code: 'WORKER_INCARNATION_GONE', message: end.message } };
  }
}

/** What was written to the file goes before what was said in the output. */
function outputsOf(context: AttemptContext): AttemptResult {
  const written = readShellOutputs(filesIn(context.folder()).output, context.outputSizeBytesMax);
  if (written.kind !== 'succeeded') return written;
  const said = readSaidOutputs(context.outputPlace().path);
  return { kind: 'succeeded', outputs: { ...said, ...written.outputs } };
}

function exitedBadly(exitCode: number, lastLine: string): AttemptResult {
  const message = `expected exit code 0, found ${exitCode}. ${lastWords(lastLine)}`;
  return { kind: 'failed', fault: { code: 'TASK_EXIT_NONZERO', message }, exitCode };
}

function lastWords(lastLine: string): string {
  return lastLine === '' ? 'It wrote nothing.' : `Its last line: ${lastLine}`;
}
