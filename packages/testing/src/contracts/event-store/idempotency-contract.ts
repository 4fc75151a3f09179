import { ConfigurationError, EventIdConflictError, VersionConflictError } from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { added, Counter } from './contract-aggregates.js'
import { newId } from './new-id.js'
import type { Subject } from './store-under-test.js'

/** The same ids again: the first outcome, or an error when the content is another. */
export function describeIdempotency(subject: Subject): void {
  describe('idempotency', () => {
    test.each(['no-stream', 'any', 0n] as const)(
      'the same events again return the first outcome (expecting %s)',
      async (expectedVersion) => {
        const { store } = subject()
        const id = `same-${expectedVersion}`
        const events = [added(1, newId()), added(2, newId())]
        const first = await store.append(Counter, id, events, { expectedVersion })
        await store.append(Counter, id, [added(3)], { expectedVersion: 2 })
        expect(await store.append(Counter, id, events, { expectedVersion })).toEqual({ ...first, duplicate: true })
        expect((await store.load(Counter, id)).version).toBe(3n)
      },
    )

    test('the same events sent at once are stored once', async () => {
      const { store, other } = subject()
      for (let round = 0; round < 10; round++) {
        const events = [added(1, newId())]
        const results = await Promise.all(
          [store, other, store].map((one) => one.append(Counter, `both-${round}`, events, { expectedVersion: 'any' })),
        )
        expect(new Set(results.map(({ position }) => position)).size).toBe(1)
        expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
        expect(await store.readStream(`counter-both-${round}`)).toHaveLength(1)
      }
    })

    test('an id with other content is an error, whatever differs', async () => {
      const { store } = subject()
      const [id, another] = [newId(), newId()]
      await store.append(Counter, 'content', [added(1, id)], { expectedVersion: 0 })
      const attempts: readonly (readonly [string, string, () => Promise<unknown>])[] = [
        ['the data', 'with other data', () => store.append(Counter, 'content', [added(2, id)], { expectedVersion: 0 })],
        [
          'the type',
          'as Added',
          () => store.append(Counter, 'content', [{ type: 'Reset', data: {}, id }], { expectedVersion: 'any' }),
        ],
        [
          'the stream',
          'in stream "counter-content"',
          () => store.append(Counter, 'elsewhere', [added(1, id)], { expectedVersion: 0 }),
        ],
        [
          'an event more, after it',
          'without the others of this append',
          () => store.append(Counter, 'content', [added(1, id), added(2)], { expectedVersion: 'any' }),
        ],
        [
          'an event more, before it',
          'without the others of this append',
          () => store.append(Counter, 'content', [added(2, another), added(1, id)], { expectedVersion: 1 }),
        ],
      ]
      for (const [what, reason, attempt] of attempts) {
        const error: unknown = await attempt().catch((thrown: unknown) => thrown)
        expect(error, what).toBeInstanceOf(EventIdConflictError)
        expect(error, what).toMatchObject({ eventId: id, reason })
      }
      expect((await store.load(Counter, 'content')).version).toBe(1n)
      expect(await store.readStream('counter-elsewhere')).toEqual([])
    })

    test('one id for two events of an append is refused', async () => {
      const { store } = subject()
      const id = newId()
      await expect(
        store.append(Counter, 'one-id', [added(1, id), added(2, id)], { expectedVersion: 0 }),
      ).rejects.toBeInstanceOf(ConfigurationError)
      expect(await store.readStream('counter-one-id')).toEqual([])
    })

    test('a stale version with new ids is still a conflict, and an id that is no UUID is refused', async () => {
      const { store } = subject()
      await store.append(Counter, 'stale', [added()], { expectedVersion: 0 })
      await expect(store.append(Counter, 'stale', [added()], { expectedVersion: 0 })).rejects.toBeInstanceOf(
        VersionConflictError,
      )
      await expect(store.append(Counter, 'stale', [added(1, 'x')], { expectedVersion: 1 })).rejects.toThrow(
        'is not a UUID',
      )
    })

    test('a command that is sent again returns its first outcome and decides nothing', async () => {
      const { store } = subject()
      const commandId = newId()
      const first = await store.execute(Counter, 'cmd', 'addTwice', { amount: 2 }, { commandId })
      await store.execute(Counter, 'cmd', 'add', { amount: 10 })
      const again = await store.execute(Counter, 'cmd', 'addTwice', { amount: 2 }, { commandId })
      expect(again).toEqual({ ...first, duplicate: true })
      expect((await store.load(Counter, 'cmd')).state).toEqual({ value: 14, steps: 3 })
      const [event] = await store.readStream('counter-cmd')
      expect(event?.metadata).toMatchObject({ correlationId: commandId, causationId: commandId })
    })

    test('a command sent many times at once is executed once', async () => {
      const { store, other } = subject()
      const commandId = newId()
      const results = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 === 0 ? store : other).execute(Counter, 'cmd-race', 'add', { amount: 1 }, { commandId }),
        ),
      )
      expect(new Set(results.map(({ version }) => version))).toEqual(new Set([1n]))
      expect((await store.load(Counter, 'cmd-race')).state.value).toBe(1)
    })

    test('a command that its own success would forbid has its first outcome for all who sent it at once', async () => {
      const { store, other } = subject()
      for (let round = 0; round < 10; round++) {
        const [id, commandId] = [`own-success-${round}`, newId()]
        await store.execute(Counter, id, 'add', { amount: 1 })
        const options = { commandId, ...(round % 2 === 0 && { expectedVersion: 1n }) }
        const results = await Promise.all(
          Array.from({ length: 8 }, async (_, index) => {
            // Some come a little later, when the first has just been stored.
            await new Promise((resolve) => setTimeout(resolve, index))
            return (index % 2 === 0 ? store : other).execute(Counter, id, 'add', { amount: -1 }, options)
          }),
        )
        for (const result of results) expect(result).toMatchObject({ version: 2n, state: { value: 0 } })
        expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
      }
    })

    test('a command id that was used for another stream is an error', async () => {
      const { store } = subject()
      const commandId = newId()
      await store.execute(Counter, 'cmd-a', 'add', { amount: 1 }, { commandId })
      await expect(store.execute(Counter, 'cmd-b', 'add', { amount: 1 }, { commandId })).rejects.toBeInstanceOf(
        EventIdConflictError,
      )
      expect(await store.readStream('counter-cmd-b')).toEqual([])
    })

    test('a command without events, or a rejected one, is not remembered', async () => {
      const { store } = subject()
      const [idle, refused] = [newId(), newId()]
      await store.execute(Counter, 'forgot', 'nothing', {}, { commandId: idle })
      await expect(
        store.execute(Counter, 'forgot', 'add', { amount: -1 }, { commandId: refused }),
      ).rejects.toMatchObject({ rejection: 'below-zero' })
      await store.execute(Counter, 'forgot', 'add', { amount: 5 })
      const later = await store.execute(Counter, 'forgot', 'add', { amount: -1 }, { commandId: refused })
      expect(later).toMatchObject({ state: { value: 4 }, duplicate: false })
      const idleAgain = await store.execute(Counter, 'forgot', 'nothing', {}, { commandId: idle })
      expect(idleAgain).toMatchObject({ version: 2n, events: [], duplicate: false })
    })
  })
}
