import { createEventStore } from '@tidemark/eventstore'
import { v7 as uuidv7 } from 'uuid'
import { emptyLogs, startBenchDatabase, type BenchDatabase } from '../bench-database.js'
import { repeat, type Contender, type PreparedSuite } from '../harness.js'
import { hasPgbench, pgbench } from '../pgbench.js'
import { orderPlaced, Order } from '../workload.js'

/** Single appends with an expected version and all checks on, against the same INSERT without any. */
export async function prepareAppend(): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const store = createEventStore(database.pool, { listen: false })
  const bareInsert = await bareInsertOf(database)
  const contenders: Contender[] = [
    bareInsert(1),
    bareInsert(32),
    ...[1, 32, 512].map((callers): Contender => ({
      name: `append ${callers} ${callers === 1 ? 'caller' : 'callers'}`,
      unit: 'appends',
      against: bareInsert(callers === 1 ? 1 : 32).name,
      run: async (milliseconds) => {
        await emptyLogs(database.pool)
        let n = 0
        return repeat(callers, milliseconds, async () => {
          await store.append(Order, uuidv7(), [orderPlaced(n++)], { expectedVersion: 0 })
          return 1
        })
      },
    })),
  ]
  return {
    contenders,
    close: async () => {
      await store.close()
      await database.close()
    },
  }
}

/** The same row by one INSERT per transaction, by pgbench, or by a pool of `pg` where pgbench is missing. */
async function bareInsertOf({ pool, url }: BenchDatabase): Promise<(clients: number) => Contender> {
  const { rows } = await pool.query<{ version: number }>(
    "select current_setting('server_version_num')::integer as version",
  )
  const uuid = (rows[0]?.version ?? 0) >= 180000 ? 'uuidv7()' : 'gen_random_uuid()'
  const { data, metadata } = orderPlaced(1)
  const insert = (values: string) =>
    `insert into bare.events (stream_id, version, id, schema_version, type, data, metadata) values (${values})`
  const literal = (value: unknown) => `'${JSON.stringify(value).replaceAll("'", "''")}'`
  if (await hasPgbench()) {
    const statement = insert(
      `'order-' || ${uuid}, 1, ${uuid}, 1, 'OrderPlaced', ${literal(data)}, ${literal(metadata)}`,
    )
    return (clients) => ({
      name: `pgbench INSERT ${clients} ${clients === 1 ? 'client' : 'clients'}`,
      unit: 'appends',
      run: async (milliseconds) => {
        await emptyLogs(pool)
        return pgbench(url, statement, clients, milliseconds)
      },
    })
  }
  const text = insert(`$1, 1, $2, 1, 'OrderPlaced', $3, $4`)
  return (clients) => ({
    name: `pg INSERT ${clients} ${clients === 1 ? 'client' : 'clients'}`,
    unit: 'appends',
    run: async (milliseconds) => {
      await emptyLogs(pool)
      return repeat(clients, milliseconds, async () => {
        const values = [`order-${uuidv7()}`, uuidv7(), JSON.stringify(data), JSON.stringify(metadata)]
        await pool.query({ name: 'bare-insert', text, values })
        return 1
      })
    },
  })
}
