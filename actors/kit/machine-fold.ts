/**
 * Folds events into a machine without running it. XState picks the transition and evaluates its guards; a flat machine has
 * only one way to take it (actions of exit, transition and entry, in this order), and that is done here: the general
 * algorithm for nested, parallel and live machines costs several times as much. A test holds this equal to XState's own
 * `transition()` in states and actions.
 *
 * A machine for this fold is flat (no nested or transient states, no actors), changes its context with `update` and
 * `updateWithEffects` only, and names its effects as actions with JSON parameters: they are collected, never executed.
 */
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
  assign,
  createActor,
  type EventObject,
  enqueueActions,
  type MachineContext,
} from 'xstate';

type CollectedAction = { type: string; params: unknown };

export type PureMachine<Snapshot> = {
  initial(): Snapshot;
  /** The snapshot of a state with this context: what `resolveState` makes, but sharing all that does not differ. */
  at(value: string, context: MachineContext): Snapshot;
  transition(snapshot: Snapshot, event: EventObject): { snapshot: Snapshot; actions: CollectedAction[] };
};

type Scope<Context, Event> = { context: Context; event: Event };
type Changed<Context> = { context: Context; effects: readonly { type: string }[] };
type Change = (scope: Scope<MachineContext, EventObject>) => Changed<MachineContext>;

/** The change behind each action that `update` and `updateWithEffects` made. */
const changes = new WeakMap<object, Change>();
const noEffects: readonly never[] = [];

/** An action that replaces some fields of the context: XState's `assign`. */
export function update<Context extends MachineContext, Event extends EventObject>(
  change: (scope: Scope<Context, Event>) => Partial<Context>,
) {
  const action = assign<Context, Event, undefined, Event, never>(({ context, event }) => change({ context, event }));
  changes.set(action, (scope) => {
    // Reason for the cast: the machine whose action this is has that context and these events.
    const { context, event } = scope as Scope<Context, Event>;
    return { context: { ...context, ...change({ context, event }) }, effects: noEffects };
  });
  return action;
}

/** An action that replaces the context and names effects, as many as there are: XState's `enqueueActions`. */
export function updateWithEffects<Context extends MachineContext, Event extends EventObject>(
  change: (scope: Scope<Context, Event>) => Changed<Context>,
) {
  // Reason for the casts: XState matches effects name by name, and here they are a union.
  const action = enqueueActions(({ context, event, enqueue }) => {
    const changed = change({ context: context as Context, event: event as unknown as Event });
    enqueue.assign(changed.context);
    for (const effect of changed.effects) enqueue({ type: effect.type, params: effect } as never);
  });
  changes.set(action, change as unknown as Change);
  return action as never;
}

/** The body of every effect in a machine's `setup`: a journaled machine is folded, not run. */
export function effectOnly(): never {
  throw new Error('an effect of a journaled machine was executed; fold the machine instead of running it');
}

export function pureMachine<Snapshot extends AnyMachineSnapshot>(
  machine: AnyStateMachine,
  input?: unknown,
): PureMachine<Snapshot> {
  for (const node of [machine.root, ...Object.values(machine.states)]) assertFlat(node, machine.root);
  const initial = createActor(machine, { input }).getSnapshot() as Snapshot;
  const templates = new Map(
    Object.keys(machine.states).map((value) => [value, machine.resolveState({ value, context: initial.context })]),
  );
  const at = (value: string, context: MachineContext) => ({ ...templates.get(value), context }) as Snapshot;
  const routes = new WeakMap<AnyTransitionDefinition, Route>();
  return {
    initial: () => initial,
    at,
    transition: (snapshot, event) => {
      const chosen = machine.getTransitionData(snapshot, event)[0];
      if (chosen === undefined) return { snapshot, actions: [] };
      let route = routes.get(chosen);
      if (route === undefined) {
        route = routeOf(machine, chosen);
        routes.set(chosen, route);
      }
      const { context, actions } = follow(route, snapshot.context, event);
      return { snapshot: at(route.target ?? snapshot.value, context), actions };
    },
  };
}

function assertFlat({ type, key, config, invoke }: AnyStateNode, root: AnyStateNode): void {
  const isFlat = type === 'atomic' || type === 'final' || (key === root.key && type === 'compound');
  const isPlain = config.always === undefined && config.after === undefined && invoke.length === 0;
  if (!isFlat || !isPlain) throw new Error(`the state ${key} is not flat; it cannot be folded`);
}

type Step = { kind: 'change'; change: Change } | { kind: 'effect'; type: string; params: unknown };

/** A transition made ready to be taken: where it leads, if anywhere, and all that is done on the way. */
type Route = { target: string | undefined; steps: readonly Step[] };

function routeOf(machine: AnyStateMachine, { source, target, actions, reenter }: AnyTransitionDefinition): Route {
  const goal = target?.[0];
  if (reenter) throw new Error(`a transition from ${source.key} enters its state again; it cannot be folded`);
  const isLeaving = goal !== undefined && goal !== source;
  const all = isLeaving ? [...source.exit, ...actions, ...goal.entry] : actions;
  return { target: goal?.key, steps: all.map((action) => stepOf(machine, action)) };
}

function stepOf(machine: AnyStateMachine, action: unknown): Step {
  const { type, params } =
    typeof action === 'string' ? { type: action, params: undefined } : (action as CollectedAction);
  const implementation: unknown = machine.implementations.actions[type];
  const change = changes.get(implementation as object);
  if (change !== undefined) return { kind: 'change', change };
  if (typeof implementation !== 'function' || 'resolve' in implementation) {
    throw new Error(`the action ${type} is neither an update nor an effect; it cannot be folded`);
  }
  return { kind: 'effect', type, params };
}

function follow({ steps }: Route, from: MachineContext, event: EventObject) {
  const actions: CollectedAction[] = [];
  let context = from;
  for (const step of steps) {
    if (step.kind === 'effect') {
      const { type, params } = step;
      actions.push({ type, params: typeof params === 'function' ? params({ context, event }) : params });
      continue;
    }
    const changed = step.change({ context, event });
    context = changed.context;
    for (const effect of changed.effects) actions.push({ type: effect.type, params: effect });
  }
  return { context, actions };
}
