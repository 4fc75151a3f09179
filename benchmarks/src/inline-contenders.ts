import { createEventStore, type EventStoreOptions } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { inlineProjections } from '@tidemark/projections'
import pg from 'pg'
import type { BenchDatabase } from './bench-database.js'
import { emptyReadModels } from './empty-read-models.js'
import { repeat, type Contender, type Run } from './harness.js'
import { orderTotals } from './order-totals.js'
import { Order, orderPlaced } from './workload.js'

const callers = 32
const streamCount = 10_000
/** A log of its own, for the others of the suite count what theirs has. */
const schema = 'inline_log'

/** Appends with one inline projection against appends without; each round begins with an empty log. */
export async function inlineContenders({ url, pool }: BenchDatabase): Promise<readonly Contender[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await migrate(client, { schema })
  await client.end()
  const appendFor = async (milliseconds: number, options: EventStoreOptions): Promise<Run> => {
    await emptyReadModels(pool, schema)
    await pool.query(`truncate ${schema}.events`)
    const store = createEventStore(pool, { schema, listen: false, ...options })
    await store.prepare()
    let n = 0
    const run = await repeat(callers, milliseconds, async () => {
      const next = n++
      await store.append(Order, `o-${next % streamCount}`, [orderPlaced(next)], { expectedVersion: 'any' })
      return 1
    })
    await store.close()
    return run
  }
  const without = `append, ${callers} callers`
  return [
    { name: without, unit: 'appends', run: (milliseconds) => appendFor(milliseconds, {}) },
    {
      name: `inline projection, ${callers} callers`,
      unit: 'appends',
      against: without,
      run: (milliseconds) => appendFor(milliseconds, { inline: inlineProjections([orderTotals]) }),
    },
  ]
}
