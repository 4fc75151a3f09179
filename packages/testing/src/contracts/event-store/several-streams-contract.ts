import { ConfigurationError, EventIdConflictError, partOf, VersionConflictError } from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { added, Counter } from './contract-aggregates.js'
import { newId } from './new-id.js'
import type { Subject } from './store-under-test.js'

/** Appends to several streams: all or nothing, and checks that exclude others. */
export function describeSeveralStreams(subject: Subject): void {
  describe('appendToStreams', () => {
    const versionOf = async (id: string) => (await subject().store.load(Counter, id)).version

    test('stores all parts, and answers in their order', async () => {
      const results = await subject().store.appendToStreams([
        partOf(Counter, 'all-b', [added(), added()], 'no-stream'),
        partOf(Counter, 'all-a', [added()], 'any'),
      ])
      expect(results).toMatchObject([
        { streamId: 'counter-all-b', version: 2n, events: [{ version: 1n }, { version: 2n }], duplicate: false },
        { streamId: 'counter-all-a', version: 1n },
      ])
    })

    test('stores nothing when one part conflicts', async () => {
      const parts = [partOf(Counter, 'none-1', [added()], 'no-stream'), partOf(Counter, 'none-2', [added()], 7)]
      const error: unknown = await subject()
        .store.appendToStreams(parts)
        .catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(VersionConflictError)
      expect(error).toMatchObject({ streamId: 'counter-none-2', actualVersion: 0n, expectedVersion: 7n })
      expect([await versionOf('none-1'), await versionOf('none-2')]).toEqual([0n, 0n])
    })

    test('a part without events checks its stream, and leaves no trace', async () => {
      const { store } = subject()
      await store.append(Counter, 'checked', [added()], { expectedVersion: 0 })
      const [, check] = await store.appendToStreams([
        partOf(Counter, 'free', [added()], 0),
        partOf(Counter, 'checked', [], 1),
      ])
      expect(check).toMatchObject({ version: 1n, events: [], position: 0n })
      await store.appendToStreams([partOf(Counter, 'free', [added()], 1), partOf(Counter, 'absent', [], 'no-stream')])
      await expect(
        store.appendToStreams([partOf(Counter, 'free', [added()], 2), partOf(Counter, 'checked', [], 5)]),
      ).rejects.toMatchObject({ streamId: 'counter-checked', actualVersion: 1n })
      expect([await versionOf('free'), await versionOf('checked'), await versionOf('absent')]).toEqual([2n, 1n, 0n])
      await store.append(Counter, 'absent', [added()], { expectedVersion: 'no-stream' })
    })

    test('of two that check each other’s stream never both succeed', async () => {
      const { store, other } = subject()
      for (let round = 0; round < 10; round++) {
        const [left, right] = [`skew-l-${round}`, `skew-r-${round}`]
        const outcomes = await Promise.allSettled([
          store.appendToStreams([partOf(Counter, left, [added()], 0), partOf(Counter, right, [], 'no-stream')]),
          other.appendToStreams([partOf(Counter, right, [added()], 0), partOf(Counter, left, [], 'no-stream')]),
        ])
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        expect((await versionOf(left)) + (await versionOf(right))).toBe(1n)
      }
    })

    test('sent again with the same ids it returns the first outcome', async () => {
      const { store } = subject()
      await store.append(Counter, 'again-0', [added()], { expectedVersion: 0 })
      const parts = [
        partOf(Counter, 'again-1', [added(1, newId())], 'no-stream'),
        partOf(Counter, 'again-0', [], 1n),
        partOf(Counter, 'again-2', [added(1, newId()), added(2, newId())], 'no-stream'),
      ]
      const first = await store.appendToStreams(parts)
      await store.append(Counter, 'again-0', [added()], { expectedVersion: 1 })
      const again = await store.appendToStreams(parts)
      expect(again).toHaveLength(3)
      expect(again[0]).toEqual({ ...first[0], duplicate: true })
      expect(again[1]).toMatchObject({ streamId: 'counter-again-0', events: [] })
      expect(again[2]).toEqual({ ...first[2], duplicate: true })
    })

    test('an append of which a part was stored before is an error, and stores nothing', async () => {
      const { store } = subject()
      const stored = partOf(Counter, 'mixed-1', [added(1, newId())], 'no-stream')
      await store.appendToStreams([stored])
      await expect(
        store.appendToStreams([stored, partOf(Counter, 'mixed-2', [added()], 'no-stream')]),
      ).rejects.toBeInstanceOf(EventIdConflictError)
      expect(await versionOf('mixed-2')).toBe(0n)
    })

    test('a stream may stand in it once', async () => {
      const twice = [partOf(Counter, 'twice', [added()], 0), partOf(Counter, 'twice', [added()], 1)]
      await expect(subject().store.appendToStreams(twice)).rejects.toBeInstanceOf(ConfigurationError)
      expect(await versionOf('twice')).toBe(0n)
    })
  })
}
