import { z } from 'zod'
import { defineAggregate, event, reject } from '../src/index.js'

/** The aggregate of these tests: it counts, and refuses to go below zero. */
export const Counter = defineAggregate({
  name: 'counter',
  initialState: () => ({ value: 0, steps: 0 }),
  events: {
    Added: event(z.object({ amount: z.number(), note: z.string().optional() })),
    Reset: event(z.object({})),
  },
  evolve: {
    Added: (state, { data }) => ({ value: state.value + data.amount, steps: state.steps + 1 }),
    Reset: (state) => ({ value: 0, steps: state.steps + 1 }),
  },
  commands: (command) => ({
    add: command(z.object({ amount: z.number() }), (state, { amount }) =>
      state.value + amount < 0
        ? reject('below-zero', `${state.value} and ${amount} is below zero`)
        : { type: 'Added', data: { amount } },
    ),
    addTwice: command(z.object({ amount: z.number() }), (_state, { amount }) => [
      { type: 'Added', data: { amount } },
      { type: 'Added', data: { amount } },
    ]),
    nothing: command(z.object({}), () => []),
  }),
  snapshot: { every: 100, version: 1 },
})
