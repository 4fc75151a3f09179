import { AssertionError } from 'node:assert'
import { describe, expect, test } from 'vitest'
import { given } from '../src/index.js'
import { items, Order, placed } from './order.js'

/** The message of the assertion that fails; anything else that is thrown is no assertion. */
function failureOf(assertion: () => unknown): string {
  try {
    assertion()
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError)
    return (error as AssertionError).message
  }
  throw new Error('the assertion did not fail')
}

const place = () => given(Order).when('place', { items, city: 'Zurich' })
const ship = (note?: string) => given(Order, placed).when('ship', { trackingId: 't-1', ...(note && { note }) })
const shipped = { type: 'OrderShipped', data: { trackingId: 't-1' } } as const

describe('then', () => {
  test('accepts the events that were decided, with the defaults of their schemas', () => {
    place().then(placed)
    place().then({ type: 'OrderPlaced', data: { items, address: { city: 'Zurich', zip: '8000' } } })
    ship('fragile').then(shipped, { type: 'NoteAdded', data: { note: 'fragile' } })
    given(Order).when('nothing', {}).then()
  })

  test('compares neither ids nor metadata', () => {
    const [id, metadata] = ['018f0000-0000-7000-8000-000000000000', { actor: 'somebody' }]
    const past = [{ ...placed, id, metadata }] as const
    given(Order, ...past)
      .when('ship', { trackingId: 't-1' })
      .then(shipped)
  })

  test('shows where the data differ', () => {
    const message = failureOf(() => ship().then({ type: 'OrderShipped', data: { trackingId: 't-2' } }))
    expect(message).toContain('order.ship decided on other events')
    expect(message).toMatch(/\+ +trackingId: 't-1'/)
    expect(message).toMatch(/- +trackingId: 't-2'/)
  })

  test.each<[string, () => unknown]>([
    ['one event too few', () => ship('fragile').then(shipped)],
    ['one event too many', () => ship().then(shipped, { type: 'NoteAdded', data: { note: 'fragile' } })],
    ['another order', () => ship('fragile').then({ type: 'NoteAdded', data: { note: 'fragile' } }, shipped)],
    ['another type', () => given(Order).when('nothing', {}).then(shipped)],
    ['events where none are expected', () => ship().then()],
  ])('fails on %s', (_, assertion) => expect(failureOf(assertion)).toContain('decided on other events'))

  test('says that the command was rejected, or its input invalid', () => {
    expect(failureOf(() => given(Order).when('ship', { trackingId: 't' }).then(shipped))).toBe(
      'order.ship was rejected: the order is new (order-not-placed); expected OrderShipped',
    )
    const invalid = failureOf(() => given(Order).when('place', { items: [], city: '' }).then())
    expect(invalid).toMatch(/^order\.place was invalid: \$\.items: .+; expected no event$/)
  })

  test('refuses decided and expected events that the store would not take', () => {
    expect(failureOf(() => given(Order).when('broken', {}).then())).toMatch(
      /^the decided event NoteAdded does not match its schema at \$\.note: /,
    )
    const wrongItems = [{ sku: 'a', quantity: '1' as unknown as number }]
    const wrong = () => place().then({ type: 'OrderPlaced', data: { ...placed.data, items: wrongItems } })
    expect(failureOf(wrong)).toMatch(
      /^the expected event OrderPlaced does not match its schema at \$\.items\[0\]\.quantity: /,
    )
  })

  test('goes on to the state', () => {
    ship('fragile')
      .then(shipped, { type: 'NoteAdded', data: { note: 'fragile' } })
      .thenState({ status: 'shipped' })
    expect(failureOf(() => place().then(placed).thenState({ status: 'new' }))).toContain('the state after order.place')
  })
})

describe('a test that forgets what follows', () => {
  test('fails when it is awaited or returned, instead of waiting for ever', async () => {
    await expect(Promise.resolve(ship())).rejects.toThrow('the test ends with when()')
  })
  test('one that is complete can be returned', async () => {
    await expect(Promise.resolve(ship().then(shipped))).resolves.toBeDefined()
  })
})

describe('thenRejected', () => {
  test('accepts the code of the rejection', () => {
    given(Order, placed).when('place', { items, city: 'Zurich' }).thenRejected('order-already-placed')
  })
  test('fails on another code, on events and on an invalid input', () => {
    const again = given(Order, placed).when('place', { items, city: 'Zurich' })
    expect(failureOf(() => again.thenRejected('order-shipped'))).toMatch(/rejected otherwise: the order is placed/)
    expect(failureOf(() => ship().thenRejected('order-not-placed'))).toBe(
      'order.ship decided on OrderShipped; expected the rejection "order-not-placed"',
    )
    const invalid = given(Order).when('place', { items: [], city: '' })
    expect(failureOf(() => invalid.thenRejected('order-already-placed'))).toMatch(/^order.place was invalid/)
  })
})

describe('thenInvalid', () => {
  test('accepts an input that is at fault, there if a path is given', () => {
    const invalid = given(Order).when('place', { items: [{ sku: 'a', quantity: 0 }], city: '' })
    invalid.thenInvalid()
    invalid.thenInvalid('$.items[0].quantity')
    expect(failureOf(() => invalid.thenInvalid('$.city'))).toContain('expected an invalid input at $.city')
  })
  test('fails when the input is accepted', () => {
    expect(failureOf(() => place().thenInvalid())).toBe('order.place decided on OrderPlaced; expected an invalid input')
  })
})

describe('thenState', () => {
  test('compares what is named, at any depth', () => {
    place().thenState({ status: 'placed', address: { city: 'Zurich' } })
    given(Order, placed).thenState({ items, currency: 'EUR' })
    given(Order).thenState({ address: undefined })
  })
  test('shows the difference, and only of what is named', () => {
    const message = failureOf(() => place().thenState({ address: { city: 'Basel' } }))
    expect(message).toContain('the state after order.place is not as expected')
    expect(message).toMatch(/\+ +city: 'Zurich'/)
    expect(message).not.toContain('8000')
  })
  test('takes arrays whole', () => {
    failureOf(() => place().thenState({ items: [] }))
    failureOf(() => given(Order).thenState({ items }))
  })
  test('fails when nothing was decided on', () => {
    expect(failureOf(() => given(Order).when('ship', { trackingId: 't' }).thenState({}))).toMatch(/was rejected/)
  })
})

describe('given', () => {
  test('upcasts an event of an older schema, and fills in defaults of the newest', () => {
    const { items, address } = placed.data
    given(Order, { type: 'OrderPlaced', schemaVersion: 1, data: { items, address } }).thenState({ currency: 'CHF' })
    given(Order, { type: 'OrderPlaced', data: { items, address } }).thenState({ currency: 'EUR' })
  })
  test('takes an event of a former or retired type, as older code stored it', () => {
    const { items, address } = placed.data
    const seen = { type: 'OrderSeen', schemaVersion: 1, data: { by: 'ada' } }
    const created = { type: 'OrderCreated', schemaVersion: 1, data: { items, address } }
    const order = given(Order, created, seen)
    order.thenState({ status: 'placed', currency: 'CHF' })
    order.when('ship', { trackingId: 't' }).then({ type: 'OrderShipped', data: { trackingId: 't' } })
    // @ts-expect-error without a schema version it would be appended today
    expect(failureOf(() => given(Order, { type: 'OrderCreated', data: created.data }))).toMatch(/is none of order's/)
  })
  test('refuses an event that the store would not have taken', () => {
    // @ts-expect-error a tracking id is text
    expect(failureOf(() => given(Order, { type: 'OrderShipped', data: { trackingId: 7 } }))).toMatch(
      /^the given event OrderShipped does not match its schema at \$\.trackingId: /,
    )
    // @ts-expect-error there is no such event
    expect(failureOf(() => given(Order, { type: 'OrderLost', data: {} }))).toBe(
      "the given event OrderLost is none of order's: it has OrderPlaced, OrderShipped, NoteAdded",
    )
  })
  test('names the commands when there is none of that name', () => {
    // @ts-expect-error there is no such command
    expect(() => given(Order).when('lose', {})).toThrow('it has place, ship, nothing, broken')
  })
})
