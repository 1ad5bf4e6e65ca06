/**
 * Asks members whether they are there. A process that is gone has no responders, which NATS says within milliseconds: a
 * crash is seen long before an entry expires. A silent one may be frozen or cut off: that is left to the expiry.
 *
 * P1 When the connection of this process was just made again, as after a restart of the server, those of others may still be
 *    under way: for a while nobody is taken for gone because nobody answers.
 */
import type { MasterConfig } from '../../schemas/config.schema.ts';
import { pingReplySchema } from '../../schemas/messages/attempt.messages.ts';
import type { Member } from '../../schemas/messages/membership.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { Clock, Timer } from '../clock/clock.port.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
import type { MemberDirectory } from './member-directory.ts';

export type PeerPingsOptions = {
  transport: Transport;
  members: MemberDirectory;
  clock: Clock;
  config: Pick<MasterConfig, 'pingIntervalMs' | 'pingTimeoutMs'>;
  /** Whom this master has reason to ask. */
  peers: () => Iterable<Member>;
};

/** A connection that is just being made again has no responders either: asked twice, this far apart. */
const confirmDelayMs = 25;
/** P1. */
const reconnectGraceMs = 2_000;

export class PeerPings {
  readonly #options: PeerPingsOptions;
  readonly #underWay = new Set<string>();
  #timer: Timer | undefined;
  /** P1. */
  #trustedFrom = 0;
  #isStopped = false;

  constructor(options: PeerPingsOptions) {
    this.#options = options;
    options.transport.onStatus((status) => {
      if (status === 'connected') this.#trustedFrom = options.clock.now() + reconnectGraceMs;
    });
  }

  start(): void {
    this.#timer = this.#options.clock.after(this.#options.config.pingIntervalMs, () => {
      for (const peer of [...this.#options.peers()]) void this.check(peer);
      if (!this.#isStopped) this.start();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Asks one member now, and tells the directory if nobody is there. */
  async check(peer: Member): Promise<void> {
    const key = `${peer.kind}.${peer.id}`;
    if (this.#underWay.has(key) || this.#isStopped) return;
    this.#underWay.add(key);
    try {
      if ((await this.#ask(peer)) !== 'absent') return;
      await new Promise<void>((resolve) => {
        this.#options.clock.after(confirmDelayMs, resolve);
      });
      if ((await this.#ask(peer)) === 'absent' && !this.#isStopped) {
        this.#options.members.declareGone(peer, `nobody answered two pings ${confirmDelayMs} ms apart`);
      }
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #ask(peer: Member): Promise<'present' | 'absent' | 'silent'> {
    const { transport, config, clock } = this.#options;
    if (transport.status() === 'away') return 'silent';
    const subject = peer.kind === 'master' ? subjects.master.ping(peer.id) : subjects.worker.ping(peer.id);
    const result = await tryRequest(transport, subject, {}, { timeoutMs: config.pingTimeoutMs });
    if (result.kind === 'noResponders') return clock.now() < this.#trustedFrom ? 'silent' : 'absent';
    if (result.kind !== 'answer') return 'silent';
    const reply = pingReplySchema.safeParse(result.body);
    return reply.success && reply.data.incarnation !== peer.incarnation ? 'absent' : 'present';
  }
}
