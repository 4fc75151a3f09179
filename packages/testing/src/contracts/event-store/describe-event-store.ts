import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreClosedError } from '@tidemark/eventstore'
import { describeAppend } from './append-contract.js'
import { added, Counter } from './contract-aggregates.js'
import { describeExecute } from './execute-contract.js'
import { describeIdempotency } from './idempotency-contract.js'
import { describeReading } from './reading-contract.js'
import { describeSeveralStreams } from './several-streams-contract.js'
import type { StoreUnderTest } from './store-under-test.js'
import { describeSubscriptions } from './subscription-contract.js'

/**
 * The contract that every event store must pass, as a suite of vitest.
 *
 * The store is made once, and must be empty; the suite closes it at the end.
 *
 * @example
 * describeEventStore('the store in memory', () => {
 *   const store = createInMemoryStore()
 *   return { store, other: store, inTransaction: (work) => work(noTransaction) }
 * })
 */
export function describeEventStore(name: string, makeStore: () => StoreUnderTest | Promise<StoreUnderTest>): void {
  describe(name, () => {
    let made: StoreUnderTest | undefined
    const subject = () => {
      if (!made) throw new TypeError('the store under test was not made')
      return made
    }
    beforeAll(async () => {
      made = await makeStore()
    })
    afterAll(async () => {
      await Promise.all([made?.store.close(), made?.other.close()])
      await made?.close?.()
    })

    describeAppend(subject)
    describeSeveralStreams(subject)
    describeIdempotency(subject)
    describeReading(subject)
    describeExecute(subject)
    describeSubscriptions(subject)

    // Last, since the store is of no more use after it.
    test('a closed store refuses appends', async () => {
      const { store } = subject()
      await store.close()
      await expect(store.append(Counter, 'late', [added()], { expectedVersion: 'any' })).rejects.toBeInstanceOf(
        StoreClosedError,
      )
    })
  })
}
