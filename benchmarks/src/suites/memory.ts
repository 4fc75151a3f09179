import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBenchDatabase } from '../bench-database.js'
import type { Contender, PreparedSuite } from '../harness.js'
import { orderPlaced } from '../workload.js'

const program = fileURLToPath(new URL('../programs/project-all.js', import.meta.url))
const execute = promisify(execFile)

/** What a process that catches up with a long log needs at most, itself included: its size must not grow with the log. */
export async function prepareMemory(): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const { pool, url } = database
  const contender = (events: number, against?: string): Contender => ({
    name: `projector memory, ${events.toLocaleString('en')} events`,
    unit: 'MB',
    ...(against !== undefined && { against }),
    run: async () => {
      await pool.query('drop schema tidemark_read cascade; create schema tidemark_read')
      await pool.query('truncate tidemark.checkpoints, tidemark.projections, tidemark.events')
      const { data, metadata } = orderPlaced(1)
      await pool.query(
        `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
         select 'order-o-' || n % 100000, 1 + n / 100000, gen_random_uuid(), 1, 'OrderPlaced', $2, $3
           from generate_series(0, $1 - 1) n`,
        [events, JSON.stringify(data), JSON.stringify(metadata)],
      )
      const { stdout } = await execute(process.execPath, [program, url])
      return { count: Number(stdout) / 1024 / 1024, seconds: 1 }
    },
  })
  const short = contender(100_000)
  return { contenders: [short, contender(1_000_000, short.name)], close: () => database.close() }
}
