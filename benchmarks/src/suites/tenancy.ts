import { createEventStore, type StreamStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { emptyLogs, startBenchDatabase } from '../bench-database.js'
import { once, repeat, type Contender, type PreparedSuite } from '../harness.js'
import { orderPlaced, Order } from '../workload.js'

const readStreams = 200

/** What tenancy costs: the same work in a store without it and in one with it, for one tenant and spread over a hundred. */
export async function prepareTenancy(): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const { pool, url } = database
  await migrate(url, { schema: 'shared', tenancy: true })
  const writers = new pg.Pool({ connectionString: url, max: 40, options: '-c role=shared_writer' })
  const projectors = new pg.Pool({ connectionString: url, max: 4, options: '-c role=shared_projector' })
  writers.on('error', () => undefined)
  projectors.on('error', () => undefined)
  const plain = createEventStore(pool, { listen: false })
  const shared = createEventStore(writers, { listen: false, schema: 'shared' })
  const log = createEventStore(projectors, { listen: false, schema: 'shared' })
  const tenants = Array.from({ length: 100 }, (_, n) => shared.forTenant(`tenant-${n}`))
  const one = (): StreamStore => shared.forTenant('acme')
  const empty = async () => {
    await emptyLogs(pool)
    await pool.query('truncate shared.events')
  }

  const append = (callers: number, whose: string, storeOf: (n: number) => StreamStore): Contender => ({
    name: `append ${callers} ${callers === 1 ? 'caller' : 'callers'}, ${whose}`,
    unit: 'appends',
    ...(whose !== 'no tenancy' && { against: `append ${callers} ${callers === 1 ? 'caller' : 'callers'}, no tenancy` }),
    run: async (milliseconds) => {
      await empty()
      let n = 0
      return repeat(callers, milliseconds, async () => {
        n++
        await storeOf(n).append(Order, uuidv7(), [orderPlaced(n)], { expectedVersion: 0 })
        return 1
      })
    },
  })
  const fill = async (store: StreamStore) => {
    for (let n = 0; n < readStreams; n++) {
      const events = Array.from({ length: 100 }, (_, index) => orderPlaced(index))
      await store.append(Order, `read-${n}`, events, { expectedVersion: 'any' })
    }
  }
  const read = (whose: string, store: () => StreamStore): Contender => ({
    name: `read stream 100, ${whose}`,
    unit: 'reads',
    ...(whose !== 'no tenancy' && { against: 'read stream 100, no tenancy' }),
    run: async (milliseconds) => {
      await empty()
      await fill(store())
      let n = 0
      return repeat(1, milliseconds, async () => {
        return (await store().readStream(`order-read-${n++ % readStreams}`, { limit: 100 })).length / 100
      })
    },
  })
  const readLog = (whose: string, store: () => StreamStore, reader: typeof log): Contender => ({
    name: `read log, ${whose}`,
    unit: 'events',
    ...(whose !== 'no tenancy' && { against: 'read log, no tenancy' }),
    run: async () => {
      await empty()
      for (let n = 0; n < 3; n++) await fill(store())
      return once(async () => {
        let count = 0
        for await (const event of reader.walkLog()) if (event.version > 0n) count++
        return count
      })
    },
  })
  return {
    contenders: [
      ...[1, 32, 512].flatMap((callers) => [
        append(callers, 'no tenancy', () => plain),
        append(callers, 'one tenant', one),
        ...(callers === 1 ? [] : [append(callers, '100 tenants', (n) => tenants[n % tenants.length] ?? one())]),
      ]),
      read('no tenancy', () => plain),
      read('one tenant', one),
      readLog('no tenancy', () => plain, plain),
      readLog('one tenant', one, log),
    ],
    close: async () => {
      await Promise.all([plain.close(), shared.close(), log.close()])
      await Promise.all([writers.end(), projectors.end()])
      await database.close()
    },
  }
}
