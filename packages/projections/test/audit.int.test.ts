import { createEventStore, silentLogger, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createProjector, ProjectionDefinitionError, type AnyProjection, type Projector } from '../src/index.js'
import { customerTotals, orderSummary } from './order.js'
import { place, placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'
import { code, groups, tallies, Tally } from './tally.js'

describe('an audit', { timeout: 120_000 }, () => {
  const database = useStoreDatabase()
  let store: EventStore
  const projectors: Projector[] = []
  const warnings: { projection: string; key: unknown; columns: unknown }[] = []
  const logger = {
    ...silentLogger,
    warn: (fields: object, message: string) => {
      if (message === 'a row is not what the log says') warnings.push(fields as (typeof warnings)[number])
    },
  }
  beforeAll(async () => {
    store = createEventStore(database.pool)
    await placeMany(store, 'first', 100)
  })
  afterEach(async () => {
    await Promise.all(projectors.splice(0).map((projector) => projector.stop()))
    warnings.length = 0
  })
  afterAll(() => store.close())

  const start = async (projections: readonly AnyProjection[], heal = false) => {
    const audit = { rowsPerMinute: 30_000, heal }
    const projector = createProjector(store, projections, { watchIntervalMs: 50, leaseMs: 1500, logger, audit })
    projectors.push(projector)
    await projector.start()
    return projector
  }
  const auditOf = async (projector: Projector, name: string) =>
    (await projector.status()).find((status) => status.name === name)?.audit
  const checked = async (projector: Projector, name: string) => (await auditOf(projector, name))?.checkedRows ?? 0
  const caughtUp = async (projector: Projector, name: string) =>
    expect(await projector.waitFor(name, (await store.head()).position, { timeoutMs: 10_000 })).toBe('reached')

  test.each([
    [orderSummary, 'order_summary', `customer_id = 'tampered'`, `order_id = 'first-1'`, 'first-1', 'customerId'],
    [customerTotals, 'customer_totals', 'orders = 99', `customer_id = 'c-1'`, 'c-1', 'orders'],
  ] as const)('finds a row that was tampered with, says so once, and leaves it', async (...row) => {
    const [projection, view, set, where, key, column] = row
    const projector = await start([projection])
    await caughtUp(projector, projection.name)
    await expect.poll(() => checked(projector, projection.name), { timeout: 20_000 }).toBeGreaterThan(100)
    expect(await auditOf(projector, projection.name)).toMatchObject({ driftedRows: 0, lastDrift: undefined })
    await database.pool.query(`update tidemark_read.${view} set ${set} where ${where}`)
    const found = async () => (await auditOf(projector, projection.name))?.driftedRows
    await expect.poll(found, { timeout: 20_000 }).toBeGreaterThan(1)
    expect(warnings).toEqual([{ projection: projection.name, key, columns: [column], healed: false }])
    expect((await auditOf(projector, projection.name))?.lastDrift?.row).toMatchObject({ key, columns: [column] })
    await projector.stop()
    const healing = await start([projection], true)
    const healed = async () => (await auditOf(healing, projection.name))?.healedRows
    await expect.poll(healed, { timeout: 20_000 }).toBe(1)
    expect(warnings.at(-1)).toMatchObject({ key, healed: true })
  })

  test('finds nothing where nothing is wrong, while orders keep coming and events are parked', async () => {
    const sharded = { ...customerTotals, name: 'sharded-totals', shards: 3 } as unknown as typeof customerTotals
    const parking = [
      tallies('tallies', { policy: 'park', retries: 0 }),
      groups('groups', { policy: 'park', retries: 0 }, 2),
    ]
    const projections = [orderSummary, sharded, ...parking]
    const projector = await start(projections)
    code.takesThirteen = false
    // Each was looked at more than once while they came.
    const isAudited = async () => {
      for (const { name } of projections) if ((await checked(projector, name)) < 4) return false
      return true
    }
    for (let n = 0; n % 50 !== 49 || !(await isAudited()); n++) {
      await place(store, `coming-${n}`, { customerId: `c-${n % 20}`, total: 1 })
      const data = { by: n % 10 === 9 ? 13 : 1, group: n % 2 === 0 ? 'odd' : 'odd+even' }
      await store.append(Tally, `t-${n % 30}`, [{ type: 'Counted', data }], { expectedVersion: 'any' })
    }
    for (const { name } of projections) {
      expect(await auditOf(projector, name)).toMatchObject({ driftedRows: 0 })
    }
    expect((await rowsOf(store, parking[0]!)).length).toBeGreaterThan(0)
    expect(warnings).toEqual([])
  })

  test('is made by one process, and by another when that one is gone', async () => {
    const [one, other] = [await start([orderSummary]), await start([orderSummary])]
    const auditors = async () => [await checked(one, 'order-summary'), await checked(other, 'order-summary')]
    await expect.poll(async () => Math.max(...(await auditors())), { timeout: 20_000 }).toBeGreaterThan(50)
    const [byOne, byOther] = await auditors()
    expect(Math.min(byOne!, byOther!)).toBe(0)
    const [leader, follower] = byOne! > 0 ? [one, other] : [other, one]
    const stoppingAt = performance.now()
    await leader.stop()
    expect(performance.now() - stoppingAt).toBeLessThan(5000)
    await expect.poll(() => checked(follower, 'order-summary'), { timeout: 20_000 }).toBeGreaterThan(50)
  })

  test('of no rows, or of too many, is refused', () => {
    for (const rowsPerMinute of [0, -1, Number.NaN, 1e9])
      expect(() => createProjector(store, [orderSummary], { audit: { rowsPerMinute } })).toThrow(
        ProjectionDefinitionError,
      )
  })
})
