import { describe, expect, it } from 'vitest'
import { findNamed } from '../src/find-named.js'
import { nearestName } from '../src/nearest-name.js'

describe('the nearest name', () => {
  const names = ['order-summary', 'customer-totals', 'audit']

  it('is the one with the fewest letters to change', () => {
    expect(nearestName('order-sumary', names)).toBe('order-summary')
    expect(nearestName('Order-Summary', names)).toBe('order-summary')
    expect(nearestName('customers-total', names)).toBe('customer-totals')
    expect(nearestName('aduit', names)).toBe('audit')
  })

  it('is none where nothing is near', () => {
    expect(nearestName('payments', names)).toBeUndefined()
    expect(nearestName('x', [])).toBeUndefined()
  })

  it('is told to whoever asks for a name that is not there', () => {
    const things = names.map((name) => ({ name }))
    expect(findNamed(things, 'audit', 'projection')).toBe(things[2])
    expect(() => findNamed(things, 'audits', 'projection')).toThrow('did you mean "audit"?')
    expect(() => findNamed(things, 'payments', 'projection')).toThrow('there are order-summary, customer-totals, audit')
    expect(() => findNamed([], 'payments', 'projection')).toThrow('the configuration has none')
  })
})
