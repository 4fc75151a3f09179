import { defineAggregate, event, UnknownEventError } from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineHandler, defineProjection, rebuildProjection } from '../src/index.js'
import { rowsOf } from './order-log.js'
import { useProjectors } from './use-projectors.js'

const filled = event(z.object({ litres: z.number() }))
const Level = z.object({ tankId: z.string(), litres: z.number() })

/** The code of today, and that of the next deploy: it adds an event type, and what the same read model makes of it. */
function codeFor(name: string, unknownEvents: 'fail' | 'ignore' = 'fail') {
  const today = defineAggregate({
    ...{ name, initialState: () => ({}), events: { Filled: filled }, commands: () => ({}), unknownEvents },
    evolve: { Filled: (state) => state },
  })
  const next = defineAggregate({
    ...{ name, initialState: () => ({}), events: { Filled: filled, Drained: event(z.object({})) } },
    ...{ evolve: { Filled: (state) => state, Drained: (state) => state }, commands: () => ({}) },
  })
  const definition = { name: `${name}-levels`, version: 1, schema: Level, key: 'tankId' } as const
  const fill = (row: z.infer<typeof Level> | null, litres: number, tankId: string) => ({
    ...{ tankId, litres: (row?.litres ?? 0) + litres },
  })
  return {
    next,
    levels: defineProjection({
      ...definition,
      on: [today, { Filled: (row, { aggregateId, data }) => fill(row, data.litres, aggregateId) }],
    }),
    nextLevels: defineProjection({
      ...definition,
      on: [
        next,
        {
          Filled: (row, { aggregateId, data }) => fill(row, data.litres, aggregateId),
          Drained: (row) => row && { ...row, litres: 0 },
        },
      ],
    }),
    handler: defineHandler({ name: `${name}-handler`, version: 1, on: today, handle: () => Promise.resolve() }),
  }
}

describe('an event of a type that only newer code knows', () => {
  const projectors = useProjectors({ batchSize: 10, leaseMs: 300, watchIntervalMs: 50 })
  const { start } = projectors
  const fill = async (category: string, times: number) => {
    for (let time = 0; time < times; time++)
      await projectors.store.appendToStream(
        `${category}-1`,
        [{ type: 'Filled', schemaVersion: 1, data: { litres: 1 } }],
        {
          expectedVersion: 'any',
        },
      )
  }
  const drain = (category: string) =>
    projectors.store.appendToStream(`${category}-1`, [{ type: 'Drained', schemaVersion: 1, data: {} }], {
      expectedVersion: 'any',
    })

  // At the head the log is passed in order; far behind it, the types are looked up.
  test.each([
    ['tail', 0],
    ['sparse', 200],
  ])('stops who does not know it, and is handled by who does (%s)', async (category, strangers) => {
    const { levels, nextLevels, handler } = codeFor(category)
    await fill(category, 2)
    const early = strangers === 0 ? await start(levels, handler) : undefined
    if (early)
      expect(await early.waitFor(levels.name, (await projectors.store.head()).position, { timeoutMs: 20_000 })).toBe(
        'reached',
      )
    await fill('stranger', strangers)
    const { position } = await drain(category)
    await fill(category, 1)
    const today = early ?? (await start(levels, handler))
    for (const { name } of [levels, handler]) {
      await expect
        .poll(async () => (await today.status()).find((status) => status.name === name)?.error, { timeout: 20_000 })
        .toContain('deploy the code that wrote it')
      expect((await today.status()).find((status) => status.name === name)!.position).toBeLessThan(position)
    }
    if (early) expect(await rowsOf(projectors.store, levels)).toEqual([{ tankId: '1', litres: 2 }])
    await expect(rebuildProjection(projectors.store, levels)).rejects.toThrow(UnknownEventError)

    const next = await start(nextLevels)
    const head = (await projectors.store.head()).position
    // Until it has taken over, what stopped the other counts.
    await expect.poll(() => next.waitFor(levels.name, head, { timeoutMs: 5000 }), { timeout: 20_000 }).toBe('reached')
    expect(await rowsOf(projectors.store, nextLevels)).toEqual([{ tankId: '1', litres: 1 }])
  })

  test('is passed over where the aggregate says so', async () => {
    const { levels, handler } = codeFor('lenient', 'ignore')
    await fill('lenient', 1)
    await drain('lenient')
    await fill('lenient', 1)
    const projector = await start(levels, handler)
    for (const { name } of [levels, handler])
      expect(await projector.waitFor(name, (await projectors.store.head()).position, { timeoutMs: 20_000 })).toBe(
        'reached',
      )
    expect(await rowsOf(projectors.store, levels)).toEqual([{ tankId: '1', litres: 2 }])
  })
})
