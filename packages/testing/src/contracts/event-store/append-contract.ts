import {
  ConfigurationError,
  EventTooLargeError,
  InvalidEventError,
  VersionConflictError,
  type ExpectedVersion,
} from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { added, Counter } from './contract-aggregates.js'
import type { Subject } from './store-under-test.js'

/** Appends to one stream: expectations, atomicity, and what is refused. */
export function describeAppend(subject: Subject): void {
  describe('append', () => {
    const fill = (id: string, events: number) =>
      subject().store.append(
        Counter,
        id,
        Array.from({ length: events }, () => added()),
        { expectedVersion: 'no-stream' },
      )

    test('gives versions from 1 without holes, and rising positions', async () => {
      const { store } = subject()
      const first = await store.append(Counter, 'rise', [added(), added()], { expectedVersion: 'no-stream' })
      const second = await store.append(Counter, 'rise', [added()], { expectedVersion: 2n })
      expect(first.events.map(({ version }) => version)).toEqual([1n, 2n])
      expect(second).toMatchObject({ streamId: 'counter-rise', version: 3n, duplicate: false })
      const positions = [...first.events, ...second.events].map(({ position }) => position)
      expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)))
      expect(new Set(positions).size).toBe(3)
      expect((await store.readStream('counter-rise')).map(({ position }) => position)).toEqual(positions)
    })

    test.each<[ExpectedVersion, number, boolean]>([
      ['no-stream', 0, true],
      ['no-stream', 2, false],
      [0, 0, true],
      [0n, 2, false],
      ['stream-exists', 0, false],
      ['stream-exists', 2, true],
      ['any', 0, true],
      ['any', 2, true],
      [2, 2, true],
      [1n, 2, false],
      [3n, 2, false],
    ])('expecting %s on a stream of %i events', async (expectedVersion, existing, accepted) => {
      const { store } = subject()
      const id = `expect-${String(expectedVersion)}-${typeof expectedVersion}-${existing}`
      if (existing > 0) await fill(id, existing)
      const appending = store.append(Counter, id, [added()], { expectedVersion })
      if (accepted) {
        expect(await appending).toMatchObject({ version: BigInt(existing + 1) })
      } else {
        const error: unknown = await appending.catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(VersionConflictError)
        expect(error).toMatchObject({ streamId: `counter-${id}`, actualVersion: BigInt(existing), retryable: true })
      }
      expect(await store.readStream(`counter-${id}`)).toHaveLength(existing + (accepted ? 1 : 0))
    })

    test('says what to do when a version conflicts', async () => {
      await fill('words', 1)
      const append = (id: string, expectedVersion: ExpectedVersion) =>
        subject().store.append(Counter, id, [added()], { expectedVersion })
      await expect(append('words', 5)).rejects.toThrow(
        'stream "counter-words" is at version 1, expected 5: reload and decide again',
      )
      await expect(append('no-words', 'stream-exists')).rejects.toThrow(
        'stream "counter-no-words" does not exist, expected stream-exists: reload and decide again',
      )
    })

    test('stores all events of an append or none', async () => {
      const { store } = subject()
      const wrong = { type: 'Added', data: { amount: 'much' } } as unknown as ReturnType<typeof added>
      const error: unknown = await store
        .append(Counter, 'bad', [added(), wrong], { expectedVersion: 0 })
        .catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(InvalidEventError)
      expect(error).toMatchObject({ path: '$.amount', eventType: 'Added', streamId: 'counter-bad' })
      const unknown = { type: 'Nope', data: {} } as unknown as ReturnType<typeof added>
      await expect(store.append(Counter, 'bad', [added(), unknown], { expectedVersion: 0 })).rejects.toThrow(
        'it has Added, Reset',
      )
      expect(await store.readStream('counter-bad')).toEqual([])
    })

    test('an empty append changes nothing, and checks no version', async () => {
      expect(await subject().store.append(Counter, 'empty', [], { expectedVersion: 99 })).toEqual({
        streamId: 'counter-empty',
        version: 0n,
        position: 0n,
        events: [],
        duplicate: false,
      })
    })

    test('keeps data and metadata as they were given, and fills in what the schema adds', async () => {
      const { store } = subject()
      const data = { text: 'é\ud83d\ude00"\\', list: [1, null, { deep: [true] }], small: 5e-324, __proto__x: 1 }
      const metadata = { correlationId: 'c', tags: ['a'] }
      await store.appendToStream('raw-1', [{ type: 'T', data, metadata }], { expectedVersion: 'any' })
      const [event] = await store.readStream('raw-1')
      expect(event).toMatchObject({ category: 'raw', aggregateId: '1', schemaVersion: 1, type: 'T', version: 1n })
      expect(event?.data).toEqual(data)
      expect(event?.metadata).toEqual(metadata)
      expect(event?.recordedAt).toBeInstanceOf(Date)
    })

    test('refuses a value that would come back changed, with its path', async () => {
      const { store } = subject()
      const append = (data: unknown) => store.appendToStream('raw-2', [{ type: 'T', data }], { expectedVersion: 'any' })
      await expect(append({ a: [{ b: Number.NaN }] })).rejects.toMatchObject({ path: '$.a[0].b' })
      await expect(append({ when: new Date() })).rejects.toMatchObject({ path: '$.when' })
      await expect(append({ 'a key': '\u0000' })).rejects.toMatchObject({ path: '$["a key"]' })
      await expect(append('x'.repeat(2 * 1024 * 1024))).rejects.toBeInstanceOf(EventTooLargeError)
      expect(await store.readStream('raw-2')).toEqual([])
    })

    test('refuses ids and expectations that cannot be', async () => {
      const { store } = subject()
      const append = (streamId: string, expectedVersion: ExpectedVersion = 'any') =>
        store.appendToStream(streamId, [{ type: 'T', data: 1 }], { expectedVersion })
      for (const streamId of ['nodash', '-x', 'a-', 'a b-c', `a-${'x'.repeat(600)}`])
        await expect(append(streamId)).rejects.toBeInstanceOf(ConfigurationError)
      for (const version of [-1, 1.5, Number.NaN])
        await expect(append('raw-3', version)).rejects.toBeInstanceOf(ConfigurationError)
      expect(await store.readStream('raw-3')).toEqual([])
    })

    test('of racing appends that expect one version exactly one wins', async () => {
      const { store, other } = subject()
      for (let round = 0; round < 10; round++) {
        const appends = Array.from({ length: 8 }, (_, index) =>
          (index % 2 === 0 ? store : other).append(Counter, `race-${round}`, [added(), added()], {
            expectedVersion: 'no-stream',
          }),
        )
        const outcomes = await Promise.allSettled(appends)
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        for (const outcome of outcomes)
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ actualVersion: 2n })
        expect(await store.readStream(`counter-race-${round}`)).toHaveLength(2)
      }
    })
  })
}
