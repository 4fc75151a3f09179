import { createEventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { createProjector, defineHandler, type AnyProjection } from '@tidemark/projections'
import pg from 'pg'
import { startBenchDatabase, type BenchDatabase } from '../bench-database.js'
import { emptyReadModels } from '../empty-read-models.js'
import { once, type Contender, type PreparedSuite } from '../harness.js'
import { inlineContenders } from '../inline-contenders.js'
import { readKeyset } from '../keyset-read.js'
import { appendsWhileRebuilding, liveContenders, liveSchema } from '../live-contenders.js'
import { orderTotals } from '../order-totals.js'
import { PeersMissingError, requirePeers } from '../peers/peer-packages.js'
import { PeerStores } from '../peers/peer-stores.js'
import { rebuildsAtSize } from '../rebuild-at-size.js'
import { rebuildContenders } from '../rebuild-contenders.js'
import { Order, orderPlaced } from '../workload.js'
import { rebuildBesideEmmett } from './peers.js'

const eventCount = 1_000_000
const keyCount = 100_000
const pageSize = 1000
const keysetRead = 'keyset read'

/** Does nothing: what is left is the reading, and a checkpoint per batch. */
const nothing = defineHandler({ name: 'nothing', version: 1, on: Order, handle: () => Promise.resolve() })

/** A log of a million events into a table of 100,000 rows, live and by a rebuild, against reading the same rows and nothing else. */
export async function prepareProjections(isShort = false): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const { pool, url } = database
  await fill(url)
  await migrateLiveLog(url)
  const peers = new PeerStores({ url })
  return {
    contenders: [
      { name: keysetRead, unit: 'events', run: () => once(() => readKeyset(url, pageSize)) },
      catchUp('catch-up trivial', nothing, database),
      catchUp('catch-up table', orderTotals, database),
      ...rebuildContenders(database, keysetRead),
      ...appendsWhileRebuilding(url, pool),
      ...liveContenders(url, pool),
      ...(await inlineContenders(database)),
      ...besideEmmett(peers),
      ...(isShort ? [] : rebuildsAtSize(pool, url)),
    ],
    close: async () => {
      await peers.close()
      await database.close()
    },
  }
}

/** Where it is installed; see the suite `peers` for the others. */
function besideEmmett(peers: PeerStores): readonly Contender[] {
  try {
    requirePeers()
    return rebuildBesideEmmett(peers, 100_000)
  } catch (error) {
    if (!(error instanceof PeersMissingError)) throw error
    console.error(`Emmett is left out: ${error.message}`)
    return []
  }
}

/** A projector that begins at the first event. */
function catchUp(name: string, projection: AnyProjection, { pool }: BenchDatabase): Contender {
  return {
    name,
    unit: 'events',
    against: keysetRead,
    run: async () => {
      await emptyReadModels(pool, 'tidemark')
      const store = createEventStore(pool, { listen: false })
      const projector = createProjector(store, [projection])
      const { position } = await store.head()
      const run = await once(async () => {
        await projector.start()
        const outcome = await projector.waitFor(projection.name, position, { timeoutMs: 600_000 })
        if (outcome !== 'reached') throw new Error(`the projection is ${outcome}`)
        return eventCount
      })
      await projector.stop()
      await store.close()
      return run
    },
  }
}

async function migrateLiveLog(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await migrate(client, { schema: liveSchema })
  await client.end()
}

async function fill(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const store = createEventStore(pool, { listen: false })
  for (let from = 0; from < eventCount; from += keyCount) {
    for (let key = 0; key < keyCount; key += 2000) {
      const appends = Array.from({ length: 2000 }, (_, index) =>
        store.append(Order, `o-${key + index}`, [orderPlaced(from + key + index)], { expectedVersion: 'any' }),
      )
      await Promise.all(appends)
    }
  }
  await store.close()
  await pool.query('vacuum analyze tidemark.events')
  await pool.end()
}
