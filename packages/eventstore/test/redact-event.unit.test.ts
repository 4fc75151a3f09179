import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineAggregate, event, redactEvent } from '../src/index.js'

const Person = defineAggregate({
  name: 'person',
  initialState: () => ({}),
  events: {
    Moved: event(
      z.object({ personId: z.string(), address: z.object({ street: z.string().optional(), town: z.string() }) }),
      {
        version: 2,
        upcast: { 1: ({ personId, street }) => ({ personId, address: { street, town: 'unknown' } }) },
        personal: {
          subject: (data) => data.personId,
          fields: { 'address.street': undefined, 'address.town': 'somewhere' },
        },
      },
    ),
  },
  evolve: { Moved: (state) => state },
  commands: () => ({}),
  unknownEvents: 'ignore',
})

const stored = { streamId: 'person-1', version: 1n, type: 'Moved', schemaVersion: 2, metadata: {} }
const sealed = (erased: object) => ({ $personal: { subject: 'p-1', key: 'k', nonce: 'n', value: 'v', ...erased } })
const redacted = (data: unknown, more: object = {}) => redactEvent(Person, { ...stored, data, ...more })?.data

it('replaces what is encrypted, without a key', () => {
  const data = { personId: 'p-1', address: { street: sealed({}), town: sealed({ erased: 'then' }) } }
  expect(redacted(data)).toStrictEqual({ personId: 'p-1', address: { town: 'somewhere' } })
})

it('replaces what was stored before it was declared personal', () => {
  const address = { street: 'Main Street', town: 'York' }
  expect(redacted({ personId: 'p-1', address })).toStrictEqual({ personId: 'p-1', address: { town: 'somewhere' } })
  expect(address.town).toBe('York')
})

it('knows the fields of older schema versions by what they are now', () => {
  const old = redactEvent(Person, { ...stored, schemaVersion: 1, data: { personId: 'p-1', street: 'Main Street' } })
  expect(old).toMatchObject({ schemaVersion: 2, data: { address: { town: 'somewhere' } } })
  expect(JSON.stringify(old?.data)).not.toContain('Main')
})

it('has nothing of an event that the aggregate ignores', () => {
  expect(redacted({ name: 'Ada' }, { type: 'Stranger' })).toBeUndefined()
})
