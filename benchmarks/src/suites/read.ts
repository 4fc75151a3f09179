import { createEventStore, type EventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { startBenchDatabase } from '../bench-database.js'
import { once, repeat, type Contender, type PreparedSuite } from '../harness.js'
import { readKeyset } from '../keyset-read.js'
import { latenciesToHandler } from '../latency-to-handler.js'
import { Order, orderPlaced } from '../workload.js'

const logSize = 200_000

/** Reading streams and the log against the driver's bare query of the same rows, parsed; and the way from an append to a handler. */
export async function prepareRead(): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const { pool, url } = database
  const store = createEventStore(pool, { listen: false })
  for (const length of [10, 100, 1000, 10_000]) await appendStream(store, `long-${length}`, length)
  for (let n = 0; n < logSize / 1000; n++) await appendStream(store, `filler-${n}`, 1000)
  await pool.query('vacuum analyze tidemark.events')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return {
    contenders: [
      ...[100, 1000].flatMap((length) => streamContenders(store, client, length)),
      { name: 'keyset read', unit: 'events', run: () => once(() => readKeyset(url, 1000)) },
      { name: 'read log', unit: 'events', against: 'keyset read', run: () => once(() => countLog(store)) },
      executeContender(store, 10),
      { ...executeContender(store, 10_000), against: executeContender(store, 10).name },
      ...latenciesToHandler(url),
    ],
    close: async () => {
      await client.end()
      await store.close()
      await database.close()
    },
  }
}

async function appendStream(store: EventStore, id: string, length: number): Promise<void> {
  for (let from = 0; from < length; from += 1000) {
    const events = Array.from({ length: Math.min(1000, length - from) }, (_, n) => orderPlaced(from + n))
    await store.append(Order, id, events, { expectedVersion: from })
  }
}

function streamContenders(store: EventStore, client: pg.Client, length: number): Contender[] {
  const streamId = `order-long-${length}`
  const bare = {
    name: 'bare-stream',
    text: `select position, version, recorded_at, id, schema_version, stream_id, type, data, metadata
             from tidemark.events where stream_id = $1 order by version`,
    values: [streamId],
  }
  return [
    {
      name: `bare query of a stream of ${length}`,
      unit: 'reads',
      run: (milliseconds) =>
        repeat(1, milliseconds, async () => {
          const { rows } = await client.query(bare)
          return rows.length / length
        }),
    },
    {
      name: `read stream ${length}`,
      unit: 'reads',
      against: `bare query of a stream of ${length}`,
      run: (milliseconds) =>
        repeat(1, milliseconds, async () => (await store.readStream(streamId, { limit: length })).length / length),
    },
  ]
}

async function countLog(store: EventStore): Promise<number> {
  let count = 0
  for await (const event of store.walkLog()) if (event.version > 0n) count++
  return count
}

/** A command on a stream of a length: with snapshots the length must not matter. */
function executeContender(store: EventStore, length: number): Contender {
  return {
    name: `execute with snapshots on a stream of ${length}`,
    unit: 'commands',
    run: async (milliseconds) => {
      // The first command writes the snapshot that the others start from.
      await store.execute(Order, `long-${length}`, 'place', { customer: 1 })
      await store.flushSnapshots()
      return repeat(1, milliseconds, async () => {
        await store.execute(Order, `long-${length}`, 'place', { customer: 1 })
        return 1
      })
    },
  }
}
