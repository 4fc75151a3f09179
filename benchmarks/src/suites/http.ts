import autocannon from 'autocannon'
import { createEventStore } from '@tidemark/eventstore'
import { rebuildProjection } from '@tidemark/projections'
import { v7 as uuidv7 } from 'uuid'
import { emptyLogs, startBenchDatabase } from '../bench-database.js'
import { cliStart } from '../cli-start.js'
import { repeat, type Contender, type PreparedSuite, type Run } from '../harness.js'
import { startHttpServer } from '../http-server-process.js'
import { memoryOfIdleStreams } from '../idle-streams.js'
import { orderTotals } from '../order-totals.js'
import { Order } from '../workload.js'

const rows = 100_000
const connections = 64
const command = JSON.stringify({ customer: 7 })

/**
 * Reads and commands over HTTP, against a bare Fastify app with the same queries, and against the same commands in process; what a thousand idle streams
 * of live rows need, and how long the command line takes to say something.
 */
export async function prepareHttp(): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const { pool, url } = database
  const store = createEventStore(pool, { listen: false })
  await rebuildProjection(store, orderTotals)
  await pool.query(
    `insert into tidemark_read.order_totals (order_id, customer_id, orders, total, placed_at)
     select 'o-' || lpad(n::text, 6, '0'), 'customer-' || n % 5000, 1 + n % 9, n * 0.5, now() from generate_series(1, $1) n`,
    [rows],
  )
  await pool.query('vacuum analyze')
  const [tidemark, bare] = await Promise.all([startHttpServer(url, 'tidemark'), startHttpServer(url, 'bare')])
  const row = () => `/v1/order-totals/o-${String(1 + Math.floor(Math.random() * rows)).padStart(6, '0')}`
  const both = (name: string, path: () => string): Contender[] => [
    { name: `bare ${name}`, unit: 'requests', run: (milliseconds) => load(bare.url, milliseconds, { path }) },
    {
      name,
      unit: 'requests',
      against: `bare ${name}`,
      run: (milliseconds) => load(tidemark.url, milliseconds, { path }),
    },
  ]
  return {
    contenders: [
      ...both('http get one row', row),
      ...both('http page of 50', () => '/v1/order-totals'),
      {
        name: 'execute in process, 64 callers',
        unit: 'commands',
        run: async (milliseconds) => {
          await emptyLogs(pool)
          return repeat(connections, milliseconds, async () => {
            await store.execute(Order, uuidv7(), 'place', { customer: 7 })
            return 1
          })
        },
      },
      {
        name: 'http command',
        unit: 'commands',
        against: 'execute in process, 64 callers',
        run: async (milliseconds) => {
          await emptyLogs(pool)
          return load(tidemark.url, milliseconds, { path: () => `/v1/order/${uuidv7()}/place`, body: command })
        },
      },
      {
        name: 'http 1,000 idle live rows',
        unit: 'MB',
        run: () => memoryOfIdleStreams(url, 1000, '/v1/order-totals'),
      },
      ...cliStart,
    ],
    close: async () => {
      await Promise.all([tidemark.close(), bare.close()])
      await store.close()
      await database.close()
    },
  }
}

/** Sends requests over 64 connections, one after the other on each; anything but an answer of 2xx fails the run. */
async function load(
  url: string,
  milliseconds: number,
  { path, body }: { readonly path: () => string; readonly body?: string },
): Promise<Run> {
  const latenciesMs: number[] = []
  const request = {
    method: body === undefined ? ('GET' as const) : ('POST' as const),
    ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    setupRequest: (one: autocannon.Request) => ({ ...one, path: path() }),
  }
  const options = { url, connections, duration: milliseconds / 1000, requests: [request] }
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(options, (error: unknown, ended) =>
      error instanceof Error ? reject(error) : resolve(ended),
    )
    running.on('response', (_client, _status, _bytes, responseMs) => latenciesMs.push(responseMs))
  })
  if (result.non2xx + result.errors > 0)
    throw new Error(`${result.non2xx} answers were no success, ${result.errors} requests failed`)
  return { count: result['2xx'], seconds: result.duration, latenciesMs }
}
