import { expect, test } from 'vitest'
import { PartitionProgress } from '../../src/consumer/partition-progress.js'

test('the next offset is that of the first record that is not done, however often it is asked for', () => {
  const progress = new PartitionProgress()
  const offsets = [5n, 6n, 9n, 10n]
  progress.begin(5n)
  expect(progress.nextOffset(offsets)).toBe(5n)
  progress.finish(5n)
  progress.finish(9n)
  expect(progress.nextOffset(offsets)).toBe(6n)
  expect(progress.nextOffset(offsets)).toBe(6n)
  progress.finish(6n)
  // 7 and 8 are no records.
  expect(progress.nextOffset(offsets)).toBe(10n)
  progress.finish(10n)
  expect(progress.nextOffset(offsets)).toBe(11n)
  expect(progress.nextOffset(offsets)).toBe(11n)
})

test('what is done above the next offset is not done again when it is read again', () => {
  const progress = new PartitionProgress()
  progress.begin(1n)
  progress.finish(2n)
  progress.failed.set(1n, { failures: 1, troubles: 0, retryAt: 0 })
  expect(progress.nextOffset([1n, 2n])).toBe(1n)
  progress.begin(1n)
  expect([1n, 2n, 3n].filter((offset) => progress.isDone(offset))).toEqual([2n])
  expect(progress.failed.size).toBe(1)
})

test('reading that goes back counts everything again', () => {
  const progress = new PartitionProgress()
  progress.begin(10n)
  progress.finish(10n)
  progress.finish(12n)
  progress.nextOffset([10n, 11n, 12n])
  progress.begin(0n)
  expect([0n, 10n, 12n].some((offset) => progress.isDone(offset))).toBe(false)
})
