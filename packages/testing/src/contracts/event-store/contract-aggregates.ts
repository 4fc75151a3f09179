import { defineAggregate, event, reject } from '@tidemark/eventstore'
import { z } from 'zod'

/** Counts, and refuses to go below zero. */
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
  snapshot: { every: 5, version: 1 },
})

/** Has events of three schema versions. */
export const Person = defineAggregate({
  name: 'person',
  initialState: () => ({ last: '', tags: ['none'] }),
  events: {
    Named: event(z.object({ first: z.string(), last: z.string(), tags: z.array(z.string()) }), {
      version: 3,
      upcast: {
        1: ({ name }) => ({ first: String(name).split(' ')[0], last: String(name).split(' ')[1] }),
        2: (v2) => ({ ...v2, tags: [] }),
      },
    }),
  },
  evolve: { Named: (_state, { data }) => ({ last: data.last, tags: data.tags }) },
  commands: () => ({}),
})

/** An event of {@link Counter}; with an id, the same event again. */
export function added(amount = 1, id?: string) {
  return { type: 'Added' as const, data: { amount }, ...(id !== undefined && { id }) }
}
