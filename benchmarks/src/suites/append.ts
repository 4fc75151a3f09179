import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { v7 as uuidv7 } from 'uuid'
import { emptyLogs, startBenchDatabase, uuidFunction, type BenchDatabase } from '../bench-database.js'
import { prepareAppendAtSize } from '../append-at-size.js'
import { bytesPerEvent } from '../bytes-per-event.js'
import { repeat, type Contender, type PreparedSuite } from '../harness.js'
import { hasPgbench, pgbench } from '../pgbench.js'
import { orderPlaced, Order } from '../workload.js'

/** Single appends with an expected version and all checks on, against the same INSERT without any. */
export async function prepareAppend(isShort = false): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const store = createEventStore(database.pool, { listen: false })
  const [oneInsert, manyInserts] = [pgInsert(database, 1), await insert32(database)]
  const atSize = await prepareAppendAtSize(database.url, isShort)
  const contenders: Contender[] = [
    oneInsert,
    manyInserts,
    ...[1, 32, 512].map((callers): Contender => ({
      name: `append ${callers} ${callers === 1 ? 'caller' : 'callers'}`,
      unit: 'appends',
      against: (callers === 1 ? oneInsert : manyInserts).name,
      run: async (milliseconds) => {
        await emptyLogs(database.pool)
        let n = 0
        return repeat(callers, milliseconds, async () => {
          await store.append(Order, uuidv7(), [orderPlaced(n++)], { expectedVersion: 0 })
          return 1
        })
      },
    })),
    hotStream(store, database, manyInserts.name),
    bestMultiRowInsert(database),
    batchesOf100(store, database),
    ...atSize.contenders,
    ...(await bytesPerEvent(store, database.pool)),
  ]
  return {
    contenders,
    close: async () => {
      await atSize.close()
      await store.close()
      await database.close()
    },
  }
}

const bareInsert = 'insert into bare.events (stream_id, version, id, schema_version, type, data, metadata) values'

/** The same row by one prepared INSERT per transaction from Node.js, without any checks. */
function pgInsert({ pool }: BenchDatabase, clients: number): Contender {
  const text = `${bareInsert} ($1, 1, $2, 1, 'OrderPlaced', $3, $4)`
  let n = 0
  return {
    name: `pg INSERT ${clients} ${clients === 1 ? 'client' : 'clients'}`,
    unit: 'appends',
    run: async (milliseconds) => {
      await emptyLogs(pool)
      return repeat(clients, milliseconds, async () => {
        const { data, metadata } = orderPlaced(n++)
        const values = [`order-${uuidv7()}`, uuidv7(), JSON.stringify(data), JSON.stringify(metadata)]
        await pool.query({ name: 'bare-insert', text, values })
        return 1
      })
    },
  }
}

/** The same by pgbench from 32 connections, or by `pg` where pgbench is missing. */
async function insert32(database: BenchDatabase): Promise<Contender> {
  if (!(await hasPgbench())) return pgInsert(database, 32)
  const { pool, url } = database
  const uuid = await uuidFunction(pool)
  const { data, metadata } = orderPlaced(1)
  const literal = (value: unknown) => `'${JSON.stringify(value).replaceAll("'", "''")}'`
  const values = `('order-' || ${uuid}, 1, ${uuid}, 1, 'OrderPlaced', ${literal(data)}, ${literal(metadata)})`
  return {
    name: 'pgbench INSERT 32 clients',
    unit: 'appends',
    run: async (milliseconds) => {
      await emptyLogs(pool)
      return pgbench(url, `${bareInsert} ${values}`, 32, milliseconds)
    },
  }
}

/** A hundred callers append to one stream at any version. */
function hotStream(store: EventStore, { pool }: BenchDatabase, against: string): Contender {
  return {
    name: 'append hot stream',
    unit: 'appends',
    against,
    run: async (milliseconds) => {
      await emptyLogs(pool)
      let n = 0
      return repeat(100, milliseconds, async () => {
        await store.append(Order, 'hot', [orderPlaced(n++)], { expectedVersion: 'any' })
        return 1
      })
    },
  }
}

const batch = 100
const multiRowInsert = 'multi-row INSERT of 100, 2 connections'

/** The fastest way to insert many rows from Node.js: one JSON parameter, two connections. */
function bestMultiRowInsert({ pool }: BenchDatabase): Contender {
  const text = `insert into bare.events (stream_id, version, id, schema_version, type, data, metadata)
    select s, 1, i, 1, 'OrderPlaced', d, m from json_to_recordset($1) as r(s text, i uuid, d json, m json)`
  return {
    name: multiRowInsert,
    unit: 'events',
    run: async (milliseconds) => {
      await emptyLogs(pool)
      let n = 0
      return repeat(2, milliseconds, async () => {
        const rows = Array.from({ length: batch }, () => {
          const { data, metadata } = orderPlaced(n++)
          return { s: `order-${uuidv7()}`, i: uuidv7(), d: data, m: metadata }
        })
        await pool.query({ name: 'multi-row', text, values: [JSON.stringify(rows)] })
        return batch
      })
    },
  }
}

function batchesOf100(store: EventStore, { pool }: BenchDatabase): Contender {
  return {
    name: 'append batches of 100',
    unit: 'events',
    against: multiRowInsert,
    run: async (milliseconds) => {
      await emptyLogs(pool)
      let n = 0
      return repeat(2, milliseconds, async () => {
        const events = Array.from({ length: batch }, () => orderPlaced(n++))
        await store.append(Order, uuidv7(), events, { expectedVersion: 0 })
        return batch
      })
    },
  }
}
