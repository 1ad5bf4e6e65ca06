/** Specifications of actors beside the runs: given what happened, when this is asked, then these events or this refusal. */
import { expect } from 'vitest';
import type { OwnedActor, OwnedContext } from '../../actors/kit/owned-actor.ts';
import { settle } from '../../actors/kit/settle.ts';
import type { TakeOwnership } from '../../schemas/commands/concurrency.commands.ts';
import type { ErrorCode } from '../../schemas/errors.ts';
import { eventSchemaOf, isEventType } from '../../schemas/events/registry.ts';
import type { Incarnation, InstanceId, MasterId } from '../../schemas/ids.ts';

type Snapshot = { value: string; context: OwnedContext };
type Event = { type: string; data: object };

export const runId = (count: number) => `00000000-0000-4000-8000-${String(count).padStart(12, '0')}` as InstanceId;

export const takeover = (now = 1): TakeOwnership => ({
  type: 'TakeOwnership',
  now,
  master: `m${now}` as MasterId,
  incarnation: '00000000-0000-4000-8000-0000000000ff' as Incarnation,
  host: 'here',
  claimRevision: now,
  reason: 'masterLost',
  evidence: 'gone',
});

/** One actor under test: every command is settled as its owner does it, and every event must fit its schema. */
export class OwnedGiven<S extends Snapshot, E extends Event, C, F> {
  readonly #actor: OwnedActor<S, E, C, F>;
  readonly #answer: (effect: F) => C | undefined;
  readonly history: E[] = [];
  snapshot: S;
  effects: F[] = [];

  constructor(actor: OwnedActor<S, E, C, F>, answer: (effect: F) => C | undefined) {
    this.#actor = actor;
    this.#answer = answer;
    this.snapshot = actor.initial();
  }

  /** What the command leads to. @returns the types of the events, or the code of the refusal */
  when(command: C): string[] | ErrorCode {
    const before = JSON.stringify(this.#actor.store(this.snapshot));
    const settled = settle(this.#actor, this.snapshot, command, this.#answer);
    expect(JSON.stringify(this.#actor.store(this.snapshot)), 'deciding changed the snapshot').toBe(before);
    if (settled.kind === 'rejected') return settled.rejection.code;
    for (const { type, data } of settled.events) {
      expect(isEventType(type) && eventSchemaOf(type).safeParse(data).error, type).toBeUndefined();
    }
    this.history.push(...settled.events);
    this.snapshot = settled.snapshot;
    this.effects = settled.effects;
    return settled.events.map(({ type }) => type);
  }

  given(...commands: C[]): this {
    for (const command of commands) this.when(command);
    return this;
  }

  pending(): F[] {
    return this.#actor.pendingEffects(this.snapshot);
  }

  /** I5: the fold of what was written, as a reader parses it, is the state that its owner had. */
  expectReplayEqual(): void {
    let replayed = this.#actor.initial();
    for (const event of this.history) {
      const read = JSON.parse(JSON.stringify(event)) as E;
      replayed = this.#actor.fold(replayed, read).snapshot;
    }
    expect(JSON.stringify(this.#actor.store(replayed))).toBe(JSON.stringify(this.#actor.store(this.snapshot)));
  }

  /** A second answer to the same effects leads to nothing. */
  expectSettled(): void {
    for (const effect of this.pending()) {
      const command = this.#answer(effect);
      if (command !== undefined) expect(this.when(command)).toEqual([]);
    }
  }
}
