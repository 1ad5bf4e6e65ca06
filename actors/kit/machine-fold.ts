/**
 * XState's pure transition, with the parts that do not depend on the event made once per machine (`transition()` makes an
 * actor for each call). Effects are named actions: they are collected, never executed. A test holds the two equal.
 */
import { type ActorScope, type AnyMachineSnapshot, type AnyStateMachine, createActor, type EventObject } from 'xstate';

export type CollectedAction = { type: string; params: unknown };

export type PureMachine<Snapshot> = {
  initial(): Snapshot;
  transition(snapshot: Snapshot, event: EventObject): { snapshot: Snapshot; actions: CollectedAction[] };
};

export function pureMachine<Snapshot extends AnyMachineSnapshot>(
  machine: AnyStateMachine,
  input?: unknown,
): PureMachine<Snapshot> {
  const self = createActor(machine, { input });
  let actions: CollectedAction[] = [];
  const scope = {
    self,
    system: self.system,
    id: '',
    sessionId: '',
    logger: () => {},
    defer: () => {},
    stopChild: () => {},
    emit: () => {},
    actionExecutor: (action: CollectedAction) => {
      actions.push({ type: action.type, params: action.params });
    },
    // Reason for the cast: the scope of an actor that never runs has no live parts.
  } as unknown as ActorScope<Snapshot, EventObject>;
  return {
    initial: () => machine.getInitialSnapshot(scope as never, input as never) as Snapshot,
    transition: (snapshot, event) => {
      actions = [];
      const next = machine.transition(snapshot, event, scope as never) as Snapshot;
      return { snapshot: next, actions };
    },
  };
}

/** The body of every effect in a machine's `setup`: a journaled machine is folded, not run. */
export function effectOnly(): never {
  throw new Error('an effect of a journaled machine was executed; fold the machine instead of running it');
}
