import { defineAggregate, event } from '@tidemark/eventstore'
import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'

/** Items on shelves: an aggregate whose rows come, move and go. */
export const Item = defineAggregate({
  name: 'item',
  initialState: () => ({}),
  events: {
    Stored: event(z.object({ shelf: z.string(), amount: z.number(), text: z.string().optional() })),
    Removed: event(z.object({})),
  },
  evolve: { Stored: (state) => state, Removed: (state) => state },
  commands: () => ({}),
})

/** Whether the handler can take an amount of 13. */
export const code = { takesThirteen: false }

/** A row per item. */
export const stock = defineProjection({
  ...{ name: 'stock', version: 1, key: 'item', shards: 3, poison: { policy: 'park', retries: 0 } },
  schema: z.object({
    item: z.string(),
    shelf: z.string(),
    amount: z.number(),
    changes: z.int(),
    text: z.string().nullable(),
  }),
  on: [
    Item,
    {
      Stored: (row, { aggregateId, data }) => {
        if (data.amount === 13 && !code.takesThirteen) throw new Error('unlucky')
        const { shelf, amount, text = null } = data
        return { item: aggregateId, shelf, amount, text, changes: (row?.changes ?? 0) + 1 }
      },
      Removed: () => null,
    },
  ],
  api: { filter: { shelf: ['eq', 'in'], amount: ['gte'] }, sort: ['amount'] },
})

/** A row per shelf, of which an event may touch several; rows are shared out and not streams. */
export const shelves = defineProjection({
  ...{ name: 'shelves', version: 1, key: 'shelf', shards: 2 },
  schema: z.object({ shelf: z.string(), stored: z.int() }),
  keyOf: ({ data }) => data.shelf.split('+'),
  on: [Item, { Stored: (row, _event, key) => ({ shelf: String(key), stored: (row?.stored ?? 0) + 1 }) }],
})

/** What is stored. */
export const stored = (shelf: string, amount = 1, text?: string) =>
  ({ type: 'Stored', data: { shelf, amount, ...(text !== undefined && { text }) } }) as const

export const removed = { type: 'Removed', data: {} } as const
