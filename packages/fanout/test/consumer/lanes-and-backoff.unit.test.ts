import { describe, expect, test } from 'vitest'
import { backoffMs } from '../../src/consumer/backoff.js'
import { lanesOf, Turns } from '../../src/consumer/key-lanes.js'
import { retryTopicOf } from '../../src/consumer/retry-topics.js'

describe('lanes', () => {
  test('hold the records of a key in order, and each record without a key alone', () => {
    const records = ['a', null, 'b', 'a', null, 'b', 'a'].map((key, offset) => ({
      key: key && Buffer.from(key),
      offset,
    }))
    const lanes = lanesOf(records.map(({ key, offset }) => ({ key: key === '' ? null : key, offset })))
    expect(lanes.map((lane) => lane.map(({ offset }) => offset))).toEqual([[0, 3, 6], [1], [2, 5], [4]])
  })

  test('tell keys apart by their bytes', () => {
    const keys = [Buffer.from([0xff]), Buffer.from([0xfe]), Buffer.from([0xef, 0xbf, 0xbd])]
    expect(lanesOf(keys.map((key) => ({ key })))).toHaveLength(3)
  })
})

describe('turns', () => {
  test('are taken by so many at once and no more, in order, also after failures', async () => {
    const turns = new Turns(2)
    let atOnce = 0
    let most = 0
    const began: number[] = []
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        turns.take(async () => {
          began.push(index)
          most = Math.max(most, ++atOnce)
          await new Promise((resolve) => setImmediate(resolve))
          atOnce--
          if (index % 3 === 0) throw new Error('failed')
        }),
      ),
    )
    expect(most).toBe(2)
    expect(began).toEqual([...began].sort((one, other) => one - other))
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(4)
  })
})

describe('the pause before a retry', () => {
  const backoff = { initialDelayMs: 100, maxDelayMs: 1000 }
  test('doubles up to the maximum', () => {
    expect([1, 2, 3, 4, 5, 60].map((failures) => backoffMs(backoff, failures, () => 1))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ])
  })
  test('is random in its second half', () => {
    expect(backoffMs(backoff, 3, () => 0)).toBe(200)
    expect(backoffMs(backoff, 3, () => 0.5)).toBe(300)
  })
})

test.each([
  [250, 'o.retry.250ms'],
  [5000, 'o.retry.5s'],
  [90_000, 'o.retry.90s'],
  [120_000, 'o.retry.2m'],
  [7_200_000, 'o.retry.2h'],
])('a delay of %i ms has the topic %s', (delayMs, topic) => expect(retryTopicOf('o', delayMs)).toBe(topic))
