import { defineAggregate, event } from '@tidemark/eventstore'
import { z } from 'zod'
import { defineProjection, type PoisonRules } from '../src/index.js'

export const Tally = defineAggregate({
  name: 'tally',
  initialState: () => ({}),
  events: {
    Counted: event(z.object({ by: z.number(), group: z.string() })),
    Noted: event(z.object({ text: z.string() })),
  },
  evolve: { Counted: (state) => state, Noted: (state) => state },
  commands: () => ({}),
})

/** Whether the projections can count by 13. */
export const code = { takesThirteen: false }

/** A row per stream. */
export const tallies = (name: string, poison: PoisonRules, shards = 1) =>
  defineProjection({
    ...{ name, version: 1, key: 'id', poison, shards },
    schema: z.object({ id: z.string(), sum: z.number(), note: z.string().optional() }),
    on: [
      Tally,
      {
        Counted: (row, { aggregateId, data }) => {
          if (data.by === 13 && !code.takesThirteen)
            throw new TypeError(`cannot count by ${data.by} for ${aggregateId}`)
          return { ...row, id: aggregateId, sum: (row?.sum ?? 0) + data.by }
        },
        Noted: (row, { data }) => row && { ...row, note: data.text },
      },
    ],
  })

/** A row has events of several streams, and an event may touch two. */
export const groups = (name: string, poison: PoisonRules, shards = 1) =>
  defineProjection({
    ...{ name, version: 1, key: 'group', poison, shards },
    schema: z.object({ group: z.string(), sum: z.number() }),
    keyOf: ({ data }) => data.group.split('+'),
    on: [
      Tally,
      {
        Counted: (row, { data }, key) => {
          if (data.by === 13 && key === 'odd' && !code.takesThirteen) throw new TypeError('odd cannot count by 13')
          return { group: String(key), sum: (row?.sum ?? 0) + data.by }
        },
      },
    ],
  })
