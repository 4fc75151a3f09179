// Not a test of this package: a run of it has every outcome that the plain reporter counts.
import { afterAll, describe, expect, test } from 'vitest'

test('passes', () => expect(1).toBe(1))
test('passes, too', () => expect(2).toBe(2))
test('passes again', () => expect(3).toBe(3))
test('fails', () => expect(1).toBe(2))
test.skipIf(true)('is skipped', () => expect(1).toBe(2))
// eslint-disable-next-line no-restricted-syntax -- the reporter has to count one
test.todo('is to be written')

test('leaves an error behind', () => {
  void Promise.reject(new Error('nobody handles this'))
})

describe('a suite whose hook fails', () => {
  afterAll(() => {
    throw new Error('the hook fails')
  })
  test('passes before it', () => expect(1).toBe(1))
})
