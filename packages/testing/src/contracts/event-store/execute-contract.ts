import {
  CommandRejectedError,
  InvalidCommandError,
  UnknownCommandError,
  VersionConflictError,
} from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { Counter } from './contract-aggregates.js'
import type { Subject } from './store-under-test.js'

/** Commands: decisions, rejections, and retries. */
export function describeExecute(subject: Subject): void {
  describe('execute', () => {
    test('decides on the state and returns the new one, as it will be loaded', async () => {
      const { store } = subject()
      const { state, version, events } = await store.execute(Counter, 'exec', 'addTwice', { amount: 4 })
      expect({ state, version, events: events.length }).toEqual({
        state: { value: 8, steps: 2 },
        version: 2n,
        events: 2,
      })
      expect(await store.load(Counter, 'exec')).toMatchObject({ state, version, position: events[1]?.position })
    })

    test('a command may decide that nothing happens', async () => {
      expect(await subject().store.execute(Counter, 'idle', 'nothing', {})).toEqual({
        streamId: 'counter-idle',
        state: { value: 0, steps: 0 },
        version: 0n,
        position: 0n,
        events: [],
        duplicate: false,
      })
    })

    test('a rejected command, wrong input and an unknown command are told apart, and write nothing', async () => {
      const { store } = subject()
      const rejected: unknown = await store
        .execute(Counter, 'refused', 'add', { amount: -1 })
        .catch((error: unknown) => error)
      expect(rejected).toBeInstanceOf(CommandRejectedError)
      expect(rejected).toMatchObject({
        rejection: 'below-zero',
        streamId: 'counter-refused',
        message: 'add was rejected by "counter-refused": 0 and -1 is below zero (below-zero)',
      })
      const wrong: unknown = await store
        .execute(Counter, 'refused', 'add', { amount: 'x' as unknown as number })
        .catch((error: unknown) => error)
      expect(wrong).toBeInstanceOf(InvalidCommandError)
      expect(wrong).toMatchObject({ command: 'counter.add', issues: [{ path: '$.amount' }] })
      for (const unknown of ['subtract', 'toString'])
        await expect(store.execute(Counter, 'refused', unknown as 'add', { amount: 1 })).rejects.toMatchObject({
          constructor: UnknownCommandError,
          known: ['add', 'addTwice', 'nothing'],
        })
      expect(await store.readStream('counter-refused')).toEqual([])
    })

    test('commands that race are decided again until each has its turn', async () => {
      const { store, other } = subject()
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 === 0 ? store : other).execute(Counter, 'busy', 'add', { amount: 1 }),
        ),
      )
      expect((await store.load(Counter, 'busy')).state.value).toBe(12)
      expect(new Set(results.map(({ version }) => version)).size).toBe(12)
    })

    test('a conflict is thrown when a version was demanded', async () => {
      const { store } = subject()
      await store.execute(Counter, 'demand', 'addTwice', { amount: 1 })
      const error: unknown = await store
        .execute(Counter, 'demand', 'add', { amount: 1 }, { expectedVersion: 1n })
        .catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(VersionConflictError)
      expect(error).toMatchObject({ streamId: 'counter-demand', expectedVersion: 1n, actualVersion: 2n })
      const result = await store.execute(Counter, 'demand', 'add', { amount: 1 }, { expectedVersion: 2n })
      expect(result.version).toBe(3n)
    })

    test('metadata carries correlation, causation, actor, trace and more', async () => {
      const { store } = subject()
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      const metadata = { correlationId: 'c-1', causationId: 'e-1', actor: 'ada', traceparent, more: ['x'] }
      const { more, ...options } = metadata
      await store.execute(Counter, 'meta', 'add', { amount: 1 }, { ...options, metadata: { more } })
      const [stored] = await store.readStream('counter-meta')
      expect(stored?.metadata).toEqual(metadata)
    })
  })
}
