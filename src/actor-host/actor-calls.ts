/**
 * Questions to journaled actors, wherever their owner is: answered here, or handed to the owner. Every question is
 * idempotent, so that whoever gets no answer asks again.
 */
import { z } from 'zod';
import { errorReplySchema } from '../../schemas/errors.ts';
import type { MasterId } from '../../schemas/ids.ts';
import { actorKinds, subjects } from '../../schemas/messages/subjects.ts';
import { AppError } from '../errors/app-error.ts';
import { parseBody } from '../transport/parse-body.ts';
import type { Transport } from '../transport/transport.port.ts';
import type { ActorPlace } from './actor-host.ts';
import type { MessageOutcome } from './decision-loop.ts';

const callSchema = z.object({ kind: z.enum(actorKinds), id: z.string().min(1).max(512), question: z.unknown() });

type Served = (id: string, question: unknown) => Promise<{ kind: 'answer'; body: unknown } | Elsewhere>;
type Elsewhere = { kind: 'elsewhere'; owner: MasterId | undefined };

/** Whoever asks asks again: an owner that was killed with the question in its hands must not hold it up for long. */
const forwardTimeoutMs = 2_000;

export class ActorCalls {
  readonly #transport: Transport;
  readonly #served = new Map<string, Served>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @param answer of an actor that is owned here. @throws AppError */
  serve<Actor>(
    host: { readonly kind: string; locate(id: string): Promise<ActorPlace<Actor>> },
    answer: (actor: Actor, question: unknown) => Promise<unknown>,
  ): void {
    this.#served.set(host.kind, async (id, question) => {
      const place = await host.locate(id);
      if (place.kind === 'elsewhere') return place;
      return { kind: 'answer', body: await answer(place.actor, question) };
    });
  }

  /** @throws AppError of the owner's refusal; NOT_OWNER when the owner cannot be told now: ask again */
  async ask(kind: string, id: string, question: unknown): Promise<unknown> {
    const found = await this.#answer(kind, id, question);
    if (found.kind === 'answer') return found.body;
    if (found.owner === undefined) throw ownerUnknown(kind, id);
    const body = { kind, id, question };
    const result = await this.#transport.request(subjects.master.actor(found.owner), body, {
      timeoutMs: forwardTimeoutMs,
    });
    if (result.kind !== 'answer') throw ownerUnknown(kind, id);
    const refused = errorReplySchema.safeParse(result.body);
    if (refused.success) throw new AppError(refused.data.code, refused.data.message);
    return result.body;
  }

  /** From another master, which took this one for the owner: it is not sent on again. */
  async take(body: unknown): Promise<unknown> {
    const { kind, id, question } = parseBody(callSchema, body, 'a question to an actor');
    const found = await this.#answer(kind, id, question);
    if (found.kind === 'answer') return found.body;
    throw ownerUnknown(kind, id);
  }

  #answer(kind: string, id: string, question: unknown): ReturnType<Served> {
    const served = this.#served.get(kind);
    if (served === undefined) throw new AppError('BAD_REQUEST', `there is no actor of the kind ${kind} to ask`);
    return served(id, question);
  }
}

export function ownerUnknown(kind: string, id: string): AppError {
  return new AppError('NOT_OWNER', `the ${kind} ${id} is changing its owner; ask again in a moment`);
}

/** The outcome of a message, for those who answer a request. @throws AppError of the refusal, or NOT_OWNER */
export function checkOutcome(outcome: MessageOutcome, kind: string, id: string): void {
  if (outcome.kind === 'rejected') throw new AppError(outcome.rejection.code, outcome.rejection.message);
  if (outcome.kind === 'dropped') throw ownerUnknown(kind, id);
}
