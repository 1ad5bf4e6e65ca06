/**
 * Attempts that were given away while their worker could not be told: it must not start them any more, and must end those
 * that it has started. Each is revoked until the worker answers that it knows of none, or that it has ended.
 *
 * V1 A worker that does not answer and is no member is left in peace until it is one again, in whatever life: its ledger and
 *    its supervisor outlive it, and a restarted worker takes up what still runs.
 * V2 The end of the run, or another owner, changes nothing: the attempt stays given away. A worker that knows a later owner
 *    refuses; that owner revokes what the run has lost.
 * V3 So many are kept at the most; the oldest are forgotten first.
 */
import type { AttemptId, InstanceId, WorkerId } from '../../schemas/ids.ts';
import type { Cancel } from '../../schemas/messages/attempt.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import type { Log } from '../telemetry/log.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
import { cancelledStateOf } from './attempt-courier.ts';

export type GivenAway = { instance: InstanceId; epoch: number; attemptId: AttemptId; worker: WorkerId };

export type RevocationsOptions = {
  transport: Transport;
  isMember: (worker: WorkerId) => boolean;
  clock: Clock;
  ids: IdSource;
  log: Log;
  requestTimeoutMs: number;
};

type Revocation = GivenAway & { timer: Timer | undefined; isUnderWay: boolean; delayMs: number };

const firstDelayMs = 500;
const delayMaxMs = 10_000;
const countMax = 10_000;

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #open = new Map<AttemptId, Revocation>();
  #isStopped = false;

  constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Attempts whose end at their worker is not known. */
  get count(): number {
    return this.#open.size;
  }

  add(attempt: GivenAway): void {
    const known = this.#open.get(attempt.attemptId);
    if (known !== undefined) {
      known.epoch = Math.max(known.epoch, attempt.epoch);
      return;
    }
    this.#forgetOldest();
    const revocation = { ...attempt, timer: undefined, isUnderWay: false, delayMs: firstDelayMs };
    this.#open.set(attempt.attemptId, revocation);
    void this.#ask(revocation);
  }

  /** V1. */
  joined(worker: WorkerId): void {
    for (const revocation of this.#open.values()) {
      if (revocation.worker !== worker) continue;
      revocation.delayMs = firstDelayMs;
      void this.#ask(revocation);
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const { timer } of this.#open.values()) timer?.cancel();
  }

  async #ask(revocation: Revocation): Promise<void> {
    const { transport, requestTimeoutMs } = this.#options;
    const { instance, epoch, attemptId, worker } = revocation;
    if (revocation.isUnderWay || this.#isStopped) return;
    revocation.timer?.cancel();
    revocation.isUnderWay = true;
    const body: Cancel = { instance, epoch, attemptId, reason: 'revoked' };
    const result = await tryRequest(transport, subjects.worker.cancel(worker), body, { timeoutMs: requestTimeoutMs });
    revocation.isUnderWay = false;
    const state = result.kind === 'answer' ? cancelledStateOf(result.body) : undefined;
    // Refused: V2. One that runs is asked for again, since its worker may die before it has ended it.
    const isSettled = result.kind === 'answer' && state !== 'queued' && state !== 'running';
    if (isSettled) this.#open.delete(attemptId);
    else if (result.kind === 'answer' || this.#options.isMember(worker)) this.#askLater(revocation);
  }

  #askLater(revocation: Revocation): void {
    const { clock, ids } = this.#options;
    if (this.#isStopped || this.#open.get(revocation.attemptId) !== revocation) return;
    revocation.timer = clock.after(revocation.delayMs * (0.5 + ids.random()), () => void this.#ask(revocation));
    revocation.delayMs = Math.min(revocation.delayMs * 2, delayMaxMs);
  }

  /** V3. */
  #forgetOldest(): void {
    if (this.#open.size < countMax) return;
    const [oldest] = this.#open.values();
    if (oldest === undefined) return;
    oldest.timer?.cancel();
    this.#open.delete(oldest.attemptId);
    this.#options.log.warn(
      { workerId: oldest.worker, countMax },
      'too many attempts to revoke: the oldest is forgotten',
    );
  }
}
