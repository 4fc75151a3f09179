import { z } from 'zod'
import { defineAggregate, event } from '../src/index.js'

/** An aggregate with personal data: in an event now, in one at an older schema version, and one without. */
export const Customer = defineAggregate({
  name: 'customer',
  initialState: () => ({ name: '', street: '', logins: 0 }),
  events: {
    Registered: event(
      z.object({
        customerId: z.string(),
        name: z.string(),
        address: z.object({ street: z.string(), city: z.string() }),
        phones: z.array(z.string()).optional(),
      }),
      {
        version: 2,
        upcast: { 1: ({ street, ...v1 }) => ({ ...v1, address: { street, city: '?' } }) },
        personal: {
          subject: (data) => data.customerId,
          fields: { name: 'erased', 'address.street': '', phones: undefined },
        },
      },
    ),
    LoggedIn: event(z.object({ note: z.unknown().optional() })),
  },
  evolve: {
    Registered: (state, { data }) => ({ ...state, name: data.name, street: data.address.street }),
    LoggedIn: (state) => ({ ...state, logins: state.logins + 1 }),
  },
  commands: (command) => ({
    register: command(z.object({ customerId: z.string(), name: z.string(), street: z.string() }), (_state, input) => ({
      type: 'Registered',
      data: { customerId: input.customerId, name: input.name, address: { street: input.street, city: 'Berlin' } },
    })),
    logIn: command(z.object({}), () => ({ type: 'LoggedIn', data: {} })),
  }),
  snapshot: { every: 2, version: 1 },
})

/** The same before its street moved into an address. */
export const OlderCustomer = defineAggregate({
  name: 'customer',
  initialState: () => ({}),
  events: {
    Registered: event(z.object({ customerId: z.string(), name: z.string(), street: z.string() }), {
      personal: { subject: (data) => data.customerId, fields: { name: 'erased', street: '-' } },
    }),
  },
  evolve: { Registered: (state) => state },
  commands: () => ({}),
})
