/**
 * `k8s`: a Job of Kubernetes. It runs whether its worker is there or not: a restarted worker finds it by its name, follows it
 * further, and goes on with its log where the former life stopped. A stopped attempt has ended when the Job is gone.
 */
import { join } from 'node:path';
import type { Application } from '../../../schemas/clusters/application.schema.ts';
import type { ErrorCode } from '../../../schemas/errors.ts';
import { followApplication } from '../../clusters/follow-application.ts';
import type { JobRunner, JobRunners } from '../../clusters/job-runner.port.ts';
import { AppError } from '../../errors/app-error.ts';
import { attemptScope } from '../attempt-scope.ts';
import { filledSettings } from '../filled-settings.ts';
import { cancelReasonOf, runPromised } from '../promised-task.ts';
import { readSaidOutputs } from '../said-outputs.ts';
import { settingsOf } from '../settings-of.ts';
import { containerEnvironment } from '../shell-environment.ts';
import type { AttemptContext, AttemptResult, TaskType } from '../task-type.port.ts';
import { jobNameOf, jobOrderOf } from './job-order.ts';
import { LogPlace } from './log-place.ts';

/** Longer than a cluster is asked for the end of an application by default. */
const cancelGraceMs = 70_000;

export function createK8sTaskType(runners: JobRunners): TaskType {
  const run = (context: AttemptContext, isNew: boolean) =>
    runPromised(context, (_, signal) => new JobAttempt(context, runners, signal).run(isNew), cancelGraceMs);
  return {
    type: 'k8s',
    hasOutsideEffects: () => true,
    start: (context) => run(context, true),
    adopt: (context) => Promise.resolve(run(context, false)),
  };
}

class JobAttempt {
  private readonly context: AttemptContext;
  private readonly runners: JobRunners;
  private readonly signal: AbortSignal;
  private readonly logPlace: LogPlace;
  private isLogAway = false;

  constructor(context: AttemptContext, runners: JobRunners, signal: AbortSignal) {
    this.context = context;
    this.runners = runners;
    this.signal = signal;
    this.logPlace = new LogPlace(join(context.folder().root, 'log-read'));
  }

  /** Never rejects. */
  async run(isNew: boolean): Promise<AttemptResult> {
    try {
      const { cluster, namespace } = this.settings();
      const jobs = this.runners(cluster);
      const id = await jobs.idOf({ name: jobNameOf(this.context.offer.attemptId), namespace });
      try {
        if (isNew) await this.create(jobs);
        this.context.foundApplication({ kind: 'kubernetes', id, cluster });
        return await this.follow(jobs, id, isNew);
      } catch (fault) {
        if (!this.signal.aborted) throw fault;
        return await this.end(jobs, id);
      }
    } catch (fault) {
      return failedBy(fault);
    }
  }

  private settings() {
    const { offer, secrets } = this.context;
    return filledSettings(settingsOf(offer, 'k8s'), attemptScope(offer, { secretOf: secrets.find }));
  }

  /** A request that is under way is not given up: the Job might be made after it was looked for in vain. */
  private async create(jobs: JobRunner): Promise<void> {
    this.signal.throwIfAborted();
    const { offer, secrets } = this.context;
    const scope = attemptScope(offer, { secretOf: secrets.find });
    const environment = containerEnvironment(offer, scope);
    await jobs.create(jobOrderOf(this.settings(), { attemptId: offer.attemptId, environment }));
  }

  private async follow(jobs: JobRunner, id: string, isNew: boolean): Promise<AttemptResult> {
    let wasSeen = isNew;
    const application = await followApplication(jobs, id, {
      clock: this.context.clock,
      signal: this.signal,
      onAway: (fault) => this.say(`${fault.message} The Job is waited for.`),
      onSeen: async () => {
        wasSeen = true;
        await this.copyLog(jobs, id);
      },
    });
    if (application.state === 'unknown') return gone(id, wasSeen);
    await this.copyLog(jobs, id);
    return await this.resultOf(jobs, application);
  }

  /** A log that cannot be read does not end the attempt. */
  private async copyLog(jobs: JobRunner, id: string): Promise<void> {
    const { logPlace } = this;
    try {
      const { text, lastAt } = await jobs.log(id, logPlace.readTo, this.signal);
      if (text !== '') this.context.writeLog(Buffer.from(text));
      if (lastAt !== undefined) logPlace.move(lastAt);
    } catch (fault) {
      if (this.signal.aborted || !(fault instanceof AppError)) throw fault;
      if (!this.isLogAway) this.say(`the log of the pod cannot be read: ${fault.message}`);
      this.isLogAway = true;
    }
  }

  private async resultOf(jobs: JobRunner, { id, state, diagnostics }: Application): Promise<AttemptResult> {
    if (state === 'succeeded') {
      return { kind: 'succeeded', outputs: readSaidOutputs(this.context.outputPlace().path) };
    }
    const exitCode = await jobs.exitCode(id, this.signal).catch(() => undefined);
    const code = exitCode === undefined ? '' : ` with exit code ${exitCode}`;
    const why = diagnostics === undefined ? '' : `: ${diagnostics}`;
    const result = failed('APPLICATION_FAILED', `${id} ended as ${state}${code}${why}`);
    return exitCode === undefined ? result : { ...result, exitCode };
  }

  /**
   * Who stops the attempt wants the end of the Job; the owner of the run asks the cluster again if it does not answer here. When
   * the worker itself cannot go on, or the run has given it the attempt no longer, the Job is the owner's to follow.
   */
  private async end(jobs: JobRunner, id: string): Promise<AttemptResult> {
    const reason = cancelReasonOf(this.signal);
    if (reason !== 'stop' && reason !== 'timeout') return { kind: 'cancelled' };
    try {
      const answer = await jobs.kill(id);
      if (answer.kind === 'pending') this.say(`${id} was deleted, and has not ended yet`);
    } catch (fault) {
      this.say(`${id} cannot be deleted: ${fault instanceof Error ? fault.message : String(fault)}`);
    }
    return { kind: 'cancelled' };
  }

  private say(text: string): void {
    this.context.writeLog(Buffer.from(`\n[millrace: ${text}]\n`));
  }
}

/** A Job that an earlier life of the worker may never have made is lost: another attempt makes its own. */
function gone(id: string, wasSeen: boolean): AttemptResult {
  if (!wasSeen) {
    const message = `the worker was restarted, and the cluster does not know ${id}`;
    return { kind: 'lost', fault: { code: 'WORKER_INCARNATION_GONE', message } };
  }
  return failed('APPLICATION_UNKNOWN', `expected the end of ${id}, found that the cluster does not know it any more`);
}

function failedBy(fault: unknown): AttemptResult {
  if (fault instanceof AppError) return failed(fault.code, fault.message);
  return failed('INTERNAL', `the Job cannot be followed: ${fault instanceof Error ? fault.message : String(fault)}`);
}

function failed(code: ErrorCode, message: string): Extract<AttemptResult, { kind: 'failed' }> {
  return { kind: 'failed', fault: { code, message } };
}
