import type { DeliveredBatch, RecordedEvent } from '@tidemark/eventstore'
import { describe, expect, test, vi } from 'vitest'
import { added, Counter } from './contract-aggregates.js'
import type { Subject } from './store-under-test.js'

const patience = { timeout: 15_000, interval: 20 }

/** Durable subscriptions: every event in order, again after a failure, on from the checkpoint. */
export function describeSubscriptions(subject: Subject): void {
  describe('subscribe', () => {
    /** Collects what it sees, and moves the checkpoint as a subscriber should. */
    const collecting =
      (seen: RecordedEvent[]) =>
      async ({ events, to, checkpoint }: DeliveredBatch) => {
        await subject().inTransaction((transaction) => checkpoint.advance(transaction, to))
        seen.push(...events)
      }
    const log = async () => {
      const ids: string[] = []
      for await (const { id } of subject().store.walkLog()) ids.push(id)
      return ids
    }
    const ids = (events: readonly RecordedEvent[]) => events.map(({ id }) => id)

    test('delivers the whole log in order, and what is appended while it runs', async () => {
      const { store, other } = subject()
      const seen: RecordedEvent[] = []
      const subscription = store.subscribe({ name: 'in-order', batchSize: 7, handle: collecting(seen) })
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let round = 0; round < 5; round++)
          await (writer % 2 === 0 ? store : other).append(Counter, `in-order-${writer}`, [added(), added()], {
            expectedVersion: BigInt(round * 2),
          })
      })
      await Promise.all(writers)
      const expected = await log()
      await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(expected.length), patience)
      expect(ids(seen)).toEqual(expected)
      expect(subscription.state).toBe('running')
      await subscription.stop()
      expect(subscription.state).toBe('stopped')
    })

    test('goes on from its checkpoint after it was stopped, and filters', async () => {
      const { store } = subject()
      const filter = { categories: ['counter'], types: ['Reset'] }
      const reset = { type: 'Reset' as const, data: {} }
      const first: RecordedEvent[] = []
      const one = store.subscribe({ name: 'resumed', filter, handle: collecting(first) })
      await store.append(Counter, 'resumed', [added(), reset], { expectedVersion: 0 })
      await store.appendToStream('other-resumed', [reset], { expectedVersion: 0 })
      await vi.waitFor(() => expect(first).toHaveLength(1), patience)
      await one.stop()
      await store.append(Counter, 'resumed', [reset], { expectedVersion: 2 })
      const second: RecordedEvent[] = []
      const two = store.subscribe({ name: 'resumed', filter, handle: collecting(second) })
      await vi.waitFor(() => expect(second).toHaveLength(1), patience)
      await two.stop()
      expect([...first, ...second].map(({ version }) => version)).toEqual([2n, 3n])
    })

    test('a batch that fails is tried again, and nothing is skipped', async () => {
      const { store } = subject()
      await store.append(Counter, 'failing', [added()], { expectedVersion: 0 })
      const seen: RecordedEvent[] = []
      let failures = 2
      const subscription = store.subscribe({
        name: 'failing',
        handle: async (batch) => {
          if (failures-- > 0) throw new Error('not yet')
          await collecting(seen)(batch)
        },
      })
      const expected = await log()
      await vi.waitFor(() => expect(ids(seen)).toEqual(expected), patience)
      expect(subscription.lastError).toMatchObject({ message: 'not yet' })
      await subscription.stop()
    })

    test('says where it is behind events that it does not want', async () => {
      const { store } = subject()
      let reached = 0n
      const subscription = store.subscribe({
        name: 'foreign',
        filter: { types: ['Never'] },
        handle: async ({ events, to, checkpoint }) => {
          expect(events).toEqual([])
          await subject().inTransaction((transaction) => checkpoint.advance(transaction, to))
          reached = to.position
        },
      })
      const { position } = await store.append(Counter, 'foreign', [added()], { expectedVersion: 0 })
      await vi.waitFor(() => expect(reached).toBe(position), patience)
      await subscription.stop()
    })

    test('of two with one name one has it, and the other takes over', async () => {
      const { store, other } = subject()
      const [first, second]: [RecordedEvent[], RecordedEvent[]] = [[], []]
      const one = store.subscribe({ name: 'shared', handle: collecting(first) })
      await vi.waitFor(() => expect(first.length).toBeGreaterThan(0), patience)
      const two = other.subscribe({ name: 'shared', handle: collecting(second) })
      await store.append(Counter, 'shared', [added()], { expectedVersion: 0 })
      await vi.waitFor(async () => expect(ids(first)).toEqual(await log()), patience)
      expect(second).toEqual([])
      await one.stop()
      await store.append(Counter, 'shared', [added()], { expectedVersion: 1 })
      await vi.waitFor(() => expect(second).toHaveLength(1), patience)
      await two.stop()
    })
  })
}
