import { describe, expect, it } from 'vitest';
import { assign, setup, transition } from 'xstate';
import { effectOnly, pureMachine, update, updateWithEffects } from '../../actors/kit/machine-fold.ts';

type Context = { count: number; names: string[] };
type Event = { type: 'Add'; by: number } | { type: 'Turn' } | { type: 'Leave' };

const change = update<Context, Event>;
const machine = setup({
  types: {} as { context: Context; events: Event },
  guards: { isPositive: ({ event }) => event.type === 'Add' && event.by > 0 },
  actions: {
    add: change(({ context, event }) => ({ count: context.count + (event.type === 'Add' ? event.by : 0) })),
    spread: updateWithEffects<Context, Event>(({ context }) => ({
      context: { ...context, names: [...context.names, 'spread'] },
      effects: Array.from({ length: context.count }, (_, index) => ({ type: 'tell', index })),
    })),
    tell: (_, _params: { count: number }) => effectOnly(),
    enter: effectOnly,
    leave: effectOnly,
  },
}).createMachine({
  context: { count: 0, names: [] },
  initial: 'off',
  states: {
    off: {
      exit: 'leave',
      on: {
        Add: [
          {
            guard: 'isPositive',
            actions: ['add', { type: 'tell', params: ({ context }) => ({ count: context.count }) }],
          },
          { target: 'on', actions: 'add' },
        ],
        Turn: { target: 'on', actions: ['spread', { type: 'tell', params: { count: -1 } }] },
      },
    },
    on: { entry: 'enter', exit: 'leave', on: { Turn: 'off', Add: { actions: 'spread' }, Leave: 'gone' } },
    gone: { type: 'final' },
  },
});

const events: Event[] = [
  { type: 'Add', by: 2 },
  { type: 'Leave' },
  { type: 'Turn' },
  { type: 'Add', by: 1 },
  { type: 'Turn' },
  { type: 'Add', by: -1 },
  { type: 'Leave' },
  { type: 'Turn' },
];

describe('the fold of a flat machine', () => {
  it('takes each transition as XState does: state, context, order of the actions, parameters', () => {
    const pure = pureMachine(machine);
    let ours = pure.initial();
    let theirs = pure.initial() as Parameters<typeof transition<typeof machine>>[1];
    for (const event of events) {
      const [next, actions] = transition(machine, theirs, event);
      const folded = pure.transition(ours, event);
      expect(JSON.stringify(folded.snapshot)).toBe(JSON.stringify(next));
      expect(folded.actions).toEqual(actions.map(({ type, params }) => ({ type, params })));
      theirs = next;
      ours = folded.snapshot;
    }
    expect(ours.status).toBe('done');
  });

  it('makes the same snapshot of a state as XState does', () => {
    const context = { count: 3, names: ['a'] };
    for (const value of ['off', 'on', 'gone']) {
      expect(pureMachine(machine).at(value, context)).toEqual(machine.resolveState({ value, context } as never));
    }
  });

  it('changes nothing when the machine does not take the event', () => {
    const pure = pureMachine(machine);
    const start = pure.initial();
    expect(pure.transition(start, { type: 'Leave' })).toEqual({ snapshot: start, actions: [] });
  });
});

describe('a machine that the fold would get wrong is refused', () => {
  const unfit = setup({ types: {} as { context: Context; events: Event }, actions: { raw: assign({ count: 1 }) } });
  const context = { count: 0, names: [] };
  const nested = { initial: 'b', states: { b: {} } } as const;

  it.each([
    ['nested states', unfit.createMachine({ context, initial: 'a', states: { a: nested } })],
    ['transient states', unfit.createMachine({ context, initial: 'a', states: { a: { always: 'b' }, b: {} } })],
    ['timers of its own', unfit.createMachine({ context, initial: 'a', states: { a: { after: { 5: 'b' } }, b: {} } })],
  ])('%s', (_, refused) => {
    expect(() => pureMachine(refused)).toThrow('cannot be folded');
  });

  it.each([
    ['a bare assign', { actions: 'raw' as const }],
    ['a state entered again', { target: 'a', reenter: true } as const],
  ])('%s', (_, turn) => {
    const refused = unfit.createMachine({ context, initial: 'a', states: { a: { on: { Turn: turn } } } });
    const pure = pureMachine(refused);
    expect(() => pure.transition(pure.initial(), { type: 'Turn' })).toThrow('cannot be folded');
  });
});
