import { defineAggregate, event } from '@tidemark/eventstore'
import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'

/** What no answer may ever hold. */
export const canary = 'canary-4711@secret.example'

/** An aggregate with personal data. */
export const Customer = defineAggregate({
  name: 'customer',
  initialState: () => ({ name: '', city: '', visits: 0 }),
  events: {
    Registered: event(z.object({ customerId: z.string(), email: z.string(), city: z.string() }), {
      personal: { subject: ({ customerId }) => customerId, fields: { email: 'redacted@example' } },
    }),
    Visited: event(z.object({ page: z.string() })),
  },
  evolve: {
    Registered: (state, { data }) => ({ ...state, name: data.email, city: data.city }),
    Visited: (state) => ({ ...state, visits: state.visits + 1 }),
  },
  commands: (command) => ({
    register: command(z.object({ customerId: z.string(), email: z.string(), city: z.string() }), (_state, data) => ({
      type: 'Registered',
      data,
    })),
    visit: command(z.object({ page: z.string() }), (_state, data) => ({ type: 'Visited', data })),
  }),
})

/** Fails at visits of a page, with personal data in the message, while it is broken. */
export const handlers = { broken: true }

export const customerRows = defineProjection({
  name: 'customer-rows',
  version: 1,
  schema: z.object({ id: z.string(), email: z.string(), visits: z.int() }),
  key: 'id',
  poison: { policy: 'park', retries: 1 },
  on: [
    Customer,
    {
      Registered: (_row, { aggregateId, data }) => ({ id: aggregateId, email: data.email, visits: 0 }),
      Visited: (row, { data }) => {
        if (handlers.broken && data.page === 'bad') throw new Error(`no page for ${row?.email}`)
        return row && { ...row, visits: row.visits + 1 }
      },
    },
  ],
})
