/**
 * Commands that a run passes on to its child: stop, pause, resume. They go over the network to whoever owns the child, and
 * are repeated until they are answered for good. Of several, only the newest is still wanted.
 */
import { errorCatalogue, errorReplySchema } from '../../schemas/errors.ts';
import type { InstanceId } from '../../schemas/ids.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, IdSource, Timer } from '../clock/clock.port.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';

/** `key` makes a repetition harmless, also by the next owner of the parent. */
export type ChildCommand = { type: 'stop' | 'pause' | 'resume'; key: string; by: string; reason?: string };

export type ChildCommandsOptions = { transport: Transport; clock: Clock; ids: IdSource };

/** Short: whoever was asked may have died with the question, and asking twice does no harm. */
const requestTimeoutMs = 2_000;
const retryDelayMs = 200;
const retryDelayMaxMs = 5_000;

export class ChildCommands {
  readonly #options: ChildCommandsOptions;
  readonly #child: InstanceId;
  #wanted: ChildCommand | undefined;
  #isSending = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #failures = 0;

  constructor(child: InstanceId, options: ChildCommandsOptions) {
    this.#child = child;
    this.#options = options;
  }

  /** Replaces what was wanted before. A stop is not taken back. */
  want(command: ChildCommand): void {
    if (this.#isStopped || (this.#wanted?.type === 'stop' && command.type !== 'stop')) return;
    this.#wanted = command;
    this.#failures = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
    void this.#send();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wanted = undefined;
    this.#timer?.cancel();
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#wanted !== undefined && this.#timer === undefined) {
      const command = this.#wanted;
      const isAnswered = await this.#request(command);
      if (this.#wanted !== command) continue;
      if (isAnswered) this.#wanted = undefined;
      else this.#waitForNext();
    }
    this.#isSending = false;
  }

  /** True when the owner has done it, or said that it is of no use any more. */
  async #request(command: ChildCommand): Promise<boolean> {
    const { transport } = this.#options;
    const body = { ...command, instance: this.#child };
    const result = await tryRequest(transport, subjects.command, body, { timeoutMs: requestTimeoutMs });
    if (result.kind !== 'answer') return result.kind === 'unsendable';
    const refused = errorReplySchema.safeParse(result.body);
    // A child that has ended, or is in no state for it, cannot be steered: its end tells the rest.
    return !refused.success || !errorCatalogue[refused.data.code].retry;
  }

  #waitForNext(): void {
    const { clock, ids } = this.#options;
    const delayMs = Math.min(retryDelayMaxMs, retryDelayMs * 2 ** this.#failures) * (0.5 + ids.random() / 2);
    this.#failures += 1;
    this.#timer = clock.after(delayMs, () => {
      this.#timer = undefined;
      void this.#send();
    });
  }
}
