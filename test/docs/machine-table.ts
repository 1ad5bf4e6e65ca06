/** What a flat machine takes in each state, read from the machine itself. */
import type { AnyStateMachine } from 'xstate';

/** False for what a guard never lets through in that state. */
export type IsPossible = (state: string, event: string) => boolean;

type Legal = { state: string; event: string; targets: readonly string[] };

/**
 * One entry for each state and each event that the machine takes there; every other pair is illegal. `targets` are the
 * states to which the event may lead by the machine's guards, its own where it stays.
 */
export function legalEvents(machine: AnyStateMachine, isPossible: IsPossible = () => true): Legal[] {
  return Object.values(machine.states).flatMap((state) => {
    const taken = new Map([...machine.root.transitions, ...state.transitions]);
    const possible = [...taken].filter(([event]) => isPossible(state.key, event));
    return possible.map(([event, transitions]) => ({
      state: state.key,
      event,
      targets: [...new Set(transitions.map(({ target }) => target?.[0]?.key ?? state.key))],
    }));
  });
}

/** All events that the machine takes somewhere, in the order in which they first stand in it. */
function eventsOf(machine: AnyStateMachine): string[] {
  return [...new Set(legalEvents(machine).map(({ event }) => event))];
}

/** Rows are events, columns are states. */
export function eventTable(machine: AnyStateMachine, isPossible?: IsPossible): { titles: string[]; rows: string[][] } {
  const states = Object.keys(machine.states);
  const targets = new Map(
    legalEvents(machine, isPossible).map((legal) => [`${legal.state}.${legal.event}`, legal.targets]),
  );
  const cellOf = (state: string, event: string): string => {
    const leadsTo = targets.get(`${state}.${event}`);
    if (leadsTo === undefined) return '–';
    return leadsTo.map((target) => (target === state ? 'stays' : `→ ${target}`)).join('<br>');
  };
  return {
    titles: ['Event', ...states],
    rows: eventsOf(machine).map((event) => [`\`${event}\``, ...states.map((state) => cellOf(state, event))]),
  };
}
