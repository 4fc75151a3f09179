import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigurationError, event, type PersonalDeclaration } from '../src/index.js'
import { KeyCache } from '../src/personal-data/key-cache.js'
import { openValue, sealedValueOf, sealValue } from '../src/personal-data/sealed-value.js'

const schema = z.object({
  id: z.string(),
  name: z.string(),
  age: z.number().optional(),
  address: z.object({ street: z.string() }).optional(),
  free: z.unknown(),
})
type Declared = PersonalDeclaration<z.output<typeof schema>>['fields']
const declare = (fields: Declared) => event(schema, { personal: { subject: ({ id }) => id, fields } })

describe('a declaration of personal data', () => {
  test('knows the paths and the types of an event', () => {
    const good: Declared[] = [{ name: '' }, { age: 0 }, { age: undefined }, { 'address.street': '-' }, { free: [1] }]
    for (const fields of good) expect(declare(fields).personal?.fields).toHaveLength(1)
    const bad: Declared[] = [
      // @ts-expect-error no such field
      { nam: '' },
      // @ts-expect-error of another type
      { name: 1 },
      // @ts-expect-error required, so it cannot be left out
      { name: undefined },
      // @ts-expect-error no such field within
      { 'address.city': '' },
    ]
    expect(bad).toHaveLength(4)
  })

  test.each([
    [{}, 'names no field'],
    [{ address: undefined, 'address.street': '' }, 'is within address'],
    [{ free: Number.NaN }, 'cannot be stored'],
    [{ '.name': '' } as Declared, 'is not the path'],
  ])('refuses %o', (fields, message) => {
    expect(() => declare(fields)).toThrow(ConfigurationError)
    expect(() => declare(fields)).toThrow(message)
  })
})

describe('an encrypted value', () => {
  const key = { id: 'k-1', key: randomBytes(32) }
  const place = { eventId: 'e-1', path: ['address', 'street'], subject: 's-1' }
  const sealed = (value: unknown) => sealedValueOf(JSON.parse(JSON.stringify(sealValue(value, place, key, '-'))))!

  test.each(['', 'Ünï ', 0, null, false, { a: [1, { b: null }] }])('comes back the same: %j', (value) => {
    expect(openValue(sealed(value), place, key)).toEqual(value)
  })

  test('opens at its own place, with its own key, unchanged, and not otherwise', () => {
    const value = sealed('secret')
    const flipped = Buffer.from(value.value, 'base64')
    flipped[0]! ^= 1
    for (const open of [
      () => openValue(value, { ...place, eventId: 'e-2' }, key),
      () => openValue(value, { ...place, path: ['street'] }, key),
      () => openValue(value, { ...place, subject: 's-2' }, key),
      () => openValue(value, place, { ...key, key: randomBytes(32) }),
      () => openValue(value, place, { ...key, id: 'k-2' }),
      () => openValue({ ...value, value: flipped.toString('base64') }, place, key),
      () => openValue({ ...value, value: '' }, place, key),
    ]) {
      expect(open).toThrow('cannot be read')
    }
  })
})

describe('the cache of keys', () => {
  const key = (id: string) => ({ id, key: randomBytes(32) })

  test('holds no more than its size, and none for longer than its time', () => {
    let now = 0
    const cache = new KeyCache({ size: 2, ttlMs: 10 }, () => now)
    for (const subject of ['a', 'b', 'c']) cache.set(subject, key(subject))
    expect([cache.get('a'), cache.get('b')?.id, cache.get('c')?.id]).toEqual([undefined, 'b', 'c'])
    cache.link('b', 'x-1')
    expect([cache.isLinked('b', 'x-1'), cache.isLinked('b', 'x-2'), cache.isLinked('a', 'x-1')]).toEqual([
      true,
      false,
      false,
    ])
    now = 10
    expect([cache.get('b'), cache.isLinked('b', 'x-1')]).toEqual([undefined, false])
  })
})
