import type { Stall } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { stallAdvice, stallText } from '../src/describe-stall.js'
import { durationText } from '../src/durations.js'

const poison = { reason: 'poison', error: 'no', failures: 3 } as const
const cases: readonly [Stall, short: string, advice: string][] = [
  [{ reason: 'head-held-back', pid: 42 }, 'head held back by pid 42', 'pg_stat_activity'],
  [{ reason: 'head-held-back', pid: undefined }, 'head held back by a prepared transaction', 'a prepared transaction'],
  [{ ...poison, retryInMs: 1500 }, 'failed 3×, again in 2 s', 'tried again in 2 s'],
  [{ ...poison, retryInMs: undefined }, 'failed 3×', 'projections resume totals'],
  [{ reason: 'lease', owner: undefined }, 'nobody runs it', 'tidemark start --only projections'],
  [{ reason: 'lease', owner: 'web-1/7' }, 'no progress of web-1/7', 'web-1/7 has it and does not move'],
  [{ reason: 'paused', why: 'a look' }, 'paused', '(a look)'],
  [{ reason: 'other-version-live', version: 2 }, 'version 2 is live', 'projections rebuild totals'],
  [{ reason: 'database', error: 'gone' }, 'database', 'gone'],
]

test.each(cases)('%o is told in few words, and what to do', (stall, short, advice) => {
  expect(stallText(stall)).toBe(short)
  expect(stallAdvice('totals', stall)).toContain(advice)
})

test('one that gets on needs no words', () => {
  expect(stallText(undefined)).toBe('')
  expect(stallAdvice('totals', undefined)).toBeUndefined()
})

test('durations are as exact as somebody who waits wants them', () => {
  const texts = [0, 1, 59_000, 60_000, 185_000, 8_040_000].map(durationText)
  expect(texts).toEqual(['0 s', '1 s', '59 s', '1 min 0 s', '3 min 5 s', '2 h 14 min'])
})
