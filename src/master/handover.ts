/**
 * Hands runs to other masters while this one lives: all of them before it stops, some of them when one joins. Nothing is
 * run again: the new owner fences, folds, and asks the workers for what they hold.
 *
 * V1 A run is retired here (its last append is durable) before its new owner hears of it.
 * V2 A run that was not taken is taken back at once, unless this master is about to stop: then the others find it.
 */
import { z } from 'zod';
import { type InstanceId, instanceIdSchema, type MasterId, masterIdSchema } from '../../schemas/ids.ts';
import { pingReplySchema } from '../../schemas/messages/attempt.messages.ts';
import type { Member } from '../../schemas/messages/membership.messages.ts';
import { subjects } from '../../schemas/messages/subjects.ts';
import type { MemberDirectory } from '../membership/member-directory.ts';
import { preferredOwner } from '../membership/rendezvous.ts';
import type { Log } from '../telemetry/log.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import { tryRequest } from '../transport/try-request.ts';
import type { InstanceHost } from './instance-host.ts';
import type { LiveInstance } from './live-instance.ts';

const handoverSchema = z.object({
  from: masterIdSchema,
  runs: z.array(z.object({ instance: instanceIdSchema, claimRevision: z.int() })).max(1_000),
});

const handoverReplySchema = z.object({ refused: z.array(instanceIdSchema) });

const runsPerMessageMax = 50;
const requestTimeoutMs = 3_000;
const adoptConcurrencyMax = 32;

export type HandoverOptions = {
  master: MasterId;
  transport: Transport;
  host: InstanceHost;
  members: MemberDirectory;
  log: Log;
};

export class Handover {
  readonly #options: HandoverOptions;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** Gives everything away; resolves when the others have it, or when there is nobody. */
  async giveAll(): Promise<void> {
    const others = this.#others();
    if (others.length === 0) return;
    const byOwner = new Map<MasterId, LiveInstance[]>();
    for (const instance of this.#options.host.instances()) {
      const owner = preferredOwner(instance.id, others);
      if (owner !== undefined) byOwner.set(owner, [...(byOwner.get(owner) ?? []), instance]);
    }
    await Promise.all([...byOwner].map(([owner, instances]) => this.#give(owner, instances)));
  }

  /**
   * A master has joined: of what this one has above its share, the joined one gets what falls to it. One that does not answer
   * now (its entry may be the last that it wrote) gets nothing: taking back costs each run a change of its owner.
   */
  async shareWith(joined: Member): Promise<void> {
    if (joined.kind !== 'master' || !(await this.#isListening(joined))) return;
    const { host, members, master } = this.#options;
    const counts = [...members.masters()].filter(({ id }) => id !== master).map(({ actorCount }) => actorCount);
    const share = Math.ceil((counts.reduce((sum, count) => sum + count, 0) + host.count) / (counts.length + 1));
    const everyone = [...this.#others(), master];
    const given: LiveInstance[] = [];
    for (const instance of host.instances()) {
      if (given.length >= host.count - share) break;
      if (preferredOwner(instance.id, everyone) === joined.id) given.push(instance);
    }
    if (given.length > 0) await this.#takeBack(await this.#give(joined.id, given));
  }

  /** The other side: takes what a living owner gives. */
  async take(body: unknown): Promise<z.infer<typeof handoverReplySchema>> {
    const { from, runs } = parseBody(handoverSchema, body, 'a handover');
    const waiting = [...runs];
    const refused: InstanceId[] = [];
    const next = async (): Promise<void> => {
      for (let run = waiting.pop(); run !== undefined; run = waiting.pop()) {
        const isAdopted = await this.#options.host.adopt(run.instance, from, run.claimRevision);
        if (!isAdopted) refused.push(run.instance);
      }
    };
    await Promise.all(Array.from({ length: adoptConcurrencyMax }, next));
    return { refused };
  }

  async #isListening({ id, incarnation }: Member & { kind: 'master' }): Promise<boolean> {
    const { transport } = this.#options;
    const result = await tryRequest(transport, subjects.master.ping(id), {}, { timeoutMs: requestTimeoutMs });
    const reply = result.kind === 'answer' ? pingReplySchema.safeParse(result.body) : undefined;
    return reply?.success === true && reply.data.incarnation === incarnation;
  }

  /** Answers with the runs that were not taken. */
  async #give(to: MasterId, instances: readonly LiveInstance[]): Promise<InstanceId[]> {
    const { transport, master, log, host } = this.#options;
    const left: InstanceId[] = [];
    for (let start = 0; start < instances.length; start += runsPerMessageMax) {
      const part = instances.slice(start, start + runsPerMessageMax);
      await Promise.all(part.map((instance) => host.retire(instance)));
      const runs = part.map(({ id, claimRevision }) => ({ instance: id, claimRevision }));
      const body = { from: master, runs };
      const result = await tryRequest(transport, subjects.master.adopt(to), body, { timeoutMs: requestTimeoutMs });
      const reply = result.kind === 'answer' ? handoverReplySchema.safeParse(result.body) : undefined;
      const refused = reply?.success === true ? reply.data.refused : part.map(({ id }) => id);
      log.info({ to, runCount: runs.length, refusedCount: refused.length, answer: result.kind }, 'runs handed over');
      for (const { id } of part) if (!refused.includes(id)) host.left(id);
      left.push(...refused);
    }
    return left;
  }

  /** V2. */
  async #takeBack(ids: readonly InstanceId[]): Promise<void> {
    for (const id of ids) await this.#options.host.takeBack(id);
  }

  #others(): MasterId[] {
    const { members, master } = this.#options;
    return [...members.masters()].filter(({ id, state }) => id !== master && state === 'active').map(({ id }) => id);
  }
}
