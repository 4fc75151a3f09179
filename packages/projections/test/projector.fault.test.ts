import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type { ChildProcess } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createProjector, readModelsIn, rebuildProjection, type ProjectionStore, type RowOf } from '../src/index.js'
import { customerTotals, Order } from './order.js'
import { placeMany, rowsOf } from './order-log.js'
import { endOf, startProcess } from './projection-process.js'
import { readModelSchema, useReadModelDatabase } from './read-model-database.js'
import { useStoreDatabase } from './store-database.js'

// A process takes its time to start on a busy machine.
describe.each(['of the log', 'of its own'])(
  'projections whose process dies or is paused, in a database %s',
  { timeout: 240_000 },
  (where) => {
    const database = useStoreDatabase()
    const readDatabase = useReadModelDatabase()
    const elsewhere = where === 'of its own'
    let store: EventStore
    let readModels: ProjectionStore
    const children: ChildProcess[] = []
    const start = (...args: [task: 'follow' | 'rebuild', failpoints: string]) => {
      const child = startProcess(database.url, args[0], args[1], elsewhere ? readDatabase.url : undefined)
      children.push(child)
      return child
    }
    beforeAll(async () => {
      store = createEventStore(database.pool, { pollIntervalMs: 50 })
      readModels = elsewhere ? await readModelsIn(store, readDatabase.pool, { schema: readModelSchema }) : store
    })
    afterEach(async () => {
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(children.splice(0).map(endOf))
    })
    afterAll(() => store.close())

    const caughtUp = async () => {
      const projector = createProjector(readModels, [customerTotals], { leaseMs: 1000, watchIntervalMs: 50 })
      await projector.start()
      expect(
        await projector.waitFor('customer-totals', (await readModels.head()).position, { timeoutMs: 20_000 }),
      ).toBe('reached')
      await projector.stop()
    }
    /** The rows as the log says they are, by a fold of this test's own. */
    const expectExact = async () => {
      const { events } = await store.log.read({
        ...{ after: 0n, upTo: (await store.head()).position, limit: 100_000, types: ['OrderPlaced'] },
      })
      const counts = new Map<string, number>()
      for (const { data } of events as unknown as { data: { customerId: string } }[])
        counts.set(data.customerId, (counts.get(data.customerId) ?? 0) + 1)
      const rows: RowOf<typeof customerTotals>[] = await rowsOf(readModels, customerTotals)
      expect(new Map(rows.map(({ customerId, orders }) => [customerId, orders]))).toEqual(counts)
    }

    test('killed between rows and commit: the batch happens once', async () => {
      await placeMany(store, 'killed', 200)
      for (const passage of [1, 3]) {
        const child = start('follow', `projection.before-commit=kill@${passage}`)
        expect(await endOf(child)).toBe('SIGKILL')
      }
      await caughtUp()
      await expectExact()
    })

    test('paused in a batch past its lease: another takes over, and what the first still had comes to nothing', async () => {
      await placeMany(store, 'paused', 200)
      const child = start('follow', 'projection.before-commit=sleep:500@2')
      await expect
        .poll(
          async () =>
            (
              await readModels.pool.query(
                `select from pg_stat_activity where datname = current_database() and state = 'idle in transaction' and query like '%json_to_recordset%'`,
              )
            ).rowCount,
          { interval: 5, timeout: 90_000 },
        )
        .toBe(1)
      child.kill('SIGSTOP')
      await caughtUp()
      await expectExact()
      child.kill('SIGCONT')
      await placeMany(store, 'resumed', 50)
      await caughtUp()
      await expectExact()
    })

    test('a rebuild killed in a batch and at the switch is gone on with', async () => {
      await caughtUp()
      const before = await rowsOf(readModels, customerTotals)
      expect(await endOf(start('rebuild', 'rebuild.before-commit=kill@3'))).toBe('SIGKILL')
      expect(await rowsOf(readModels, customerTotals)).toEqual(before)
      expect(await endOf(start('rebuild', 'rebuild.before-switch=kill'))).toBe('SIGKILL')
      expect(await rowsOf(readModels, customerTotals)).toEqual(before)
      const { events, rows } = await rebuildProjection(readModels, customerTotals, { leaseMs: 1000 })
      // The second process had brought it to the head already.
      expect({ events, rows }).toEqual({ events: 0, rows: before.length })
      expect(await rowsOf(readModels, customerTotals)).toEqual(before)
      await store.append(
        Order,
        'last',
        [{ type: 'OrderPlaced', data: { customerId: 'c-0', total: 1, currency: 'EUR' } }],
        {
          expectedVersion: 'no-stream',
        },
      )
      await caughtUp()
      await expectExact()
    })
  },
)
