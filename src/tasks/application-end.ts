/**
 * What becomes of an attempt whose client has ended well while applications of it run on: a client that only submits, such as
 * that of Flink. They are followed at the cluster, and their end is the end of the attempt.
 */
import type { Application } from '../../schemas/clusters/application.schema.ts';
import type { ErrorCode } from '../../schemas/errors.ts';
import type { ClusterClient } from '../clusters/cluster-client.port.ts';
import { followApplication } from '../clusters/follow-application.ts';
import { AppError } from '../errors/app-error.ts';
import type { AttemptContext, AttemptResult } from './task-type.port.ts';

export type FollowedEnd = {
  /** Gives up following: what runs at the cluster is for the owner of the run to end. */
  cancel(): void;
};

export type ApplicationEndOptions = {
  context: Pick<AttemptContext, 'clock' | 'writeLog'>;
  cluster: Pick<ClusterClient, 'find'>;
  ids: readonly string[];
  /** Undefined when it was cancelled; else what is wrong with an application, or that nothing is. */
  onEnd: (result: 'well' | 'cancelled' | AttemptResult) => void;
};

export function followToEnd({ context, cluster, ids, onEnd }: ApplicationEndOptions): FollowedEnd {
  const abort = new AbortController();
  void resultOf({ context, cluster, ids, signal: abort.signal }).then(
    (result) => onEnd(abort.signal.aborted ? 'cancelled' : result),
    (fault: unknown) => onEnd(abort.signal.aborted ? 'cancelled' : unfollowed(fault)),
  );
  return { cancel: () => abort.abort(new Error('cancelled')) };
}

type Followed = Omit<ApplicationEndOptions, 'onEnd'> & { signal: AbortSignal };

async function resultOf({ context, cluster, ids, signal }: Followed): Promise<'well' | AttemptResult> {
  const say = (text: string): void => context.writeLog(Buffer.from(`\n[millrace: ${text}]\n`));
  const faults: AttemptResult[] = [];
  for (const id of ids) {
    const onAway = (fault: AppError): void => say(`${fault.message} The end of ${id} is waited for.`);
    let wasSeen = false;
    const onSeen = (): void => {
      if (!wasSeen) say(`the client has ended; ${id} runs on and is followed`);
      wasSeen = true;
    };
    const application = await followApplication(cluster, id, { clock: context.clock, signal, onAway, onSeen });
    // What had ended, or was forgotten, before the client did: the client has told of it by its own end.
    if (wasSeen && application.state !== 'succeeded') faults.push(faultOf(application));
  }
  return faults[0] ?? 'well';
}

function faultOf({ id, state, diagnostics }: Application): AttemptResult {
  const why = diagnostics === undefined || diagnostics === '' ? '' : `: ${diagnostics}`;
  if (state !== 'unknown') return failed('APPLICATION_FAILED', `the application ${id} ended as ${state}${why}`);
  return failed(
    'APPLICATION_UNKNOWN',
    `expected the end of the application ${id}, found that the cluster does not know it any more`,
  );
}

function unfollowed(fault: unknown): AttemptResult {
  if (fault instanceof AppError) return failed(fault.code, fault.message);
  const message = fault instanceof Error ? fault.message : String(fault);
  return failed('INTERNAL', `the application cannot be followed: ${message}`);
}

function failed(code: ErrorCode, message: string): AttemptResult {
  return { kind: 'failed', fault: { code, message } };
}
