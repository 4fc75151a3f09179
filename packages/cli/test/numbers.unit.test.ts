import { expect, test } from 'vitest'
import { fraction } from '../src/numbers.js'

test('a part of a whole is above 0 and at most 1', () => {
  expect(['1', '0.5', '.25', '1.0'].map(fraction)).toEqual([1, 0.5, 0.25, 1])
  for (const wrong of ['0', '-1', '1.1', 'half', '', '1e-3', 'Infinity']) expect(() => fraction(wrong)).toThrow()
})
