/**
 * One command to its end: decide, fold, and answer at once those effects that only ask for another decision (which worker
 * takes a task that became ready). So the finish of one task and the assignment of the next are one append. All of it is
 * provisional until the events are durable (I7): the caller appends first, then runs the effects.
 */
import type { JournaledActor, Rejection } from './decider.ts';

export type Settled<Snapshot, Event, Command, Effect> =
  | {
      kind: 'settled';
      snapshot: Snapshot;
      events: Event[];
      effects: Effect[];
      /** Answers to effects that were too late: what the first ones led to has made them impossible. */
      refused: Command[];
    }
  | { kind: 'rejected'; rejection: Rejection };

/** Answers an effect with the command it asks for, or leaves it to be run after the append. */
export type AnswerEffect<Snapshot, Command, Effect> = (effect: Effect, snapshot: Snapshot) => Command | undefined;

/** A decision that asks for decisions without end is a fault of the machine, not of the user. */
const roundsMax = 1_000_000;

export function settle<Snapshot, Event, Command, Effect>(
  actor: JournaledActor<Snapshot, Event, Command, Effect>,
  from: Snapshot,
  command: Command,
  answer: AnswerEffect<Snapshot, Command, Effect>,
): Settled<Snapshot, Event, Command, Effect> {
  const events: Event[] = [];
  const effects: Effect[] = [];
  const refused: Command[] = [];
  const commands: Command[] = [command];
  let snapshot = from;
  for (let round = 0; round < commands.length; round += 1) {
    if (round >= roundsMax) throw new Error(`a command led to more than ${roundsMax} decisions`);
    const decision = actor.decide(snapshot, commands[round] as Command);
    if (decision.kind === 'rejected') {
      if (round === 0) return decision;
      refused.push(commands[round] as Command);
      continue;
    }
    for (const event of decision.events) {
      const folded = actor.fold(snapshot, event);
      snapshot = folded.snapshot;
      events.push(event);
      for (const effect of folded.effects) {
        const next = answer(effect, snapshot);
        if (next === undefined) effects.push(effect);
        else commands.push(next);
      }
    }
  }
  return { kind: 'settled', snapshot, events, effects, refused };
}
