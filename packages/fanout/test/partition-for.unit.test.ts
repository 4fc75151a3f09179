import { describe, expect, test } from 'vitest'
import { murmur2, partitionFor } from '../src/partition-for.js'

describe('partitionFor', () => {
  // The vectors of Kafka's own test, UtilsTest.testMurmur2.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Java does', (text, expected) => {
    expect(murmur2(Buffer.from(text))).toBe(expected)
  })

  test('clears the sign instead of taking the absolute value', () => {
    expect(partitionFor('21', 1000)).toBe((-973932308 & 0x7fffffff) % 1000)
    expect(partitionFor('21', 1000)).not.toBe(973932308 % 1000)
  })

  test('hashes the bytes of UTF-8, whatever is left over after whole words', () => {
    for (const key of ['', 'a', 'ab', 'abc', 'abcd', 'ü', '🎁', 'order-ü-🎁']) {
      const partition = partitionFor(key, 7)
      expect(partition).toBeGreaterThanOrEqual(0)
      expect(partition).toBeLessThan(7)
    }
  })
})
