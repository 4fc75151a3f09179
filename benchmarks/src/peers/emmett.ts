import pg from 'pg'
import { randomUUID } from 'node:crypto'
import { once } from '../harness.js'
import { orderPlaced } from '../workload.js'
import { loadPeerPackage } from './peer-packages.js'
import { poolSize, type BenchEvent, type ProjectingPeer, type ProjectingPeerLog } from './peer.js'

/**
 * The fastest of what was tried: each page scans the table, which has no index on the position, and a long transaction suffers from its
 * checkpoint, which is written for each event. It sleeps for 100 ms after the first page all the same.
 */
const pulling = {
  catchUp: { batchSize: 10_000, pullingFrequencyInMs: 0 },
  rebuild: { batchSize: 2000, pullingFrequencyInMs: 0 },
}

interface RecordedMessage {
  readonly type: string
  readonly data: BenchEvent['data']
  readonly metadata: { readonly streamName: string }
}

interface Consumer {
  reactor(options: object): unknown
  start(): Promise<void>
  close(): Promise<void>
}

interface ProjectionContext {
  readonly connection: { readonly client: pg.ClientBase }
}

interface Store {
  readonly schema: { migrate(): Promise<unknown> }
  appendToStream(streamName: string, events: readonly object[], options: object): Promise<unknown>
  readStream(streamName: string): Promise<{ readonly events: readonly unknown[] }>
  close(): Promise<void>
}

interface ProjectionDefinition {
  readonly name: string
  readonly canHandle: readonly string[]
  readonly handle: (events: readonly RecordedMessage[], context: ProjectionContext) => Promise<void>
  readonly truncate: (context: ProjectionContext) => Promise<void>
}

interface EmmettPackage {
  readonly getPostgreSQLEventStore: (url: string, options?: object) => Store
  readonly postgreSQLEventStoreConsumer: (options: object) => Consumer
  readonly rebuildPostgreSQLProjections: (options: object) => Consumer
  readonly postgreSQLProjection: (definition: ProjectionDefinition) => object
}

const load = () => loadPeerPackage<EmmettPackage>('@event-driven-io/emmett-postgresql')

export const emmett: ProjectingPeer = {
  name: 'Emmett',

  async openStore(url) {
    const { getPostgreSQLEventStore } = load()
    const { Pool } = loadPeerPackage<typeof pg>('pg')
    const pool = new Pool({ connectionString: url, max: poolSize })
    const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } })
    await store.schema.migrate()
    return {
      append: (streamId, version, event) =>
        store.appendToStream(`order-${streamId}`, [event], { expectedStreamVersion: BigInt(version) }),
      readStream: async (streamId) => (await store.readStream(`order-${streamId}`)).events.length,
      countEvents: async () => {
        const { rows } = await pool.query<{ count: string }>('select count(*) from emt_messages')
        return Number(rows[0]?.count)
      },
      empty: async () => void (await pool.query('truncate emt_messages, emt_streams')),
      close: async () => {
        await store.close()
        await pool.end()
      },
    }
  },

  openLog,
}

async function openLog(url: string): Promise<ProjectingPeerLog> {
  const { getPostgreSQLEventStore, postgreSQLEventStoreConsumer, rebuildPostgreSQLProjections } = load()
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const store = getPostgreSQLEventStore(url)
  await store.schema.migrate()
  await store.close()
  await pool.query(
    `create table order_totals (
       order_id text primary key, customer_id text not null, orders integer not null,
       total double precision not null, placed_at timestamptz not null)`,
  )
  const projection = orderTotals()
  return {
    fill: async (events, streams) => {
      const { type, data, metadata } = orderPlaced(1)
      await pool.query(
        `insert into emt_streams (stream_id, stream_position, stream_type, stream_metadata)
         select 'order-' || n, $1::integer / $2, 'order', '{}' from generate_series(0, $2::integer - 1) n`,
        [events, streams],
      )
      await pool.query(
        `insert into emt_messages (stream_id, stream_position, transaction_id, message_schema_version, message_id,
                                   message_type, message_data, message_metadata)
         select 'order-' || n % $2, 1 + n / $2, pg_current_xact_id(), '1', gen_random_uuid(), $3, $4::jsonb, $5::jsonb
           from generate_series(0, $1::integer - 1) n`,
        [events, streams, type, JSON.stringify(data), JSON.stringify(metadata)],
      )
    },
    catchUp: async () => {
      const consumer = postgreSQLEventStoreConsumer({
        connectionString: url,
        pulling: pulling.catchUp,
        stopWhen: { noMessagesLeft: true },
      })
      let count = 0
      consumer.reactor({
        processorId: randomUUID(),
        startFrom: 'BEGINNING',
        eachMessage: () => {
          count++
        },
      })
      const run = await once(async () => {
        await consumer.start()
        return count
      })
      await consumer.close()
      return run
    },
    rebuild: async () => {
      // A rebuild that finds the checkpoint of an earlier one empties the table and handles nothing.
      await pool.query('truncate emt_processors, emt_projections, order_totals')
      const consumer = rebuildPostgreSQLProjections({
        connectionString: url,
        pulling: pulling.rebuild,
        projections: [projection],
      })
      const { seconds } = await once(async () => {
        await consumer.start()
        return 0
      })
      await consumer.close()
      const { rows } = await pool.query<{ sum: string | null }>('select sum(orders) from order_totals')
      return { count: Number(rows[0]?.sum), seconds }
    },
    close: () => pool.end(),
  }
}

/** One upsert for each event, since a projection gets its events one by one; prepared, which the statements of its SQL projections are not. */
function orderTotals(): object {
  return load().postgreSQLProjection({
    name: 'order-totals',
    canHandle: ['OrderPlaced'],
    handle: async (events, { connection: { client } }) => {
      for (const { data, metadata } of events) {
        await client.query({
          name: 'upsert-order-total',
          text: `insert into order_totals (order_id, customer_id, orders, total, placed_at) values ($1, $2, 1, $3, now())
                 on conflict (order_id) do update
                    set customer_id = excluded.customer_id, orders = order_totals.orders + 1,
                        total = order_totals.total + excluded.total, placed_at = excluded.placed_at`,
          values: [metadata.streamName, data.customerId, data.total],
        })
      }
    },
    truncate: async ({ connection: { client } }) => void (await client.query('truncate order_totals')),
  })
}
