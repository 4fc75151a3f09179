import { appendFileSync } from 'node:fs'
import { createServer, type Principal } from '@tidemark/api'
import { customerTotals, Order, orderSummary } from '@tidemark/example-order-aggregate'
import type { Logger } from '@tidemark/eventstore'
import { createProjector } from '@tidemark/projections'
import { dismissed, openStore, readOrder, tell, type LabOrder } from './lab-program.js'

/** What a server is started with. */
export interface ServerOrder extends LabOrder {
  /** Whoever sends it may do everything. */
  readonly token: string
  readonly logFile: string
}

export type ServerNews =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'started' }
  | { readonly kind: 'memory'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

// A program: the lab forks it, and kills it. It serves the order example, and keeps its read models.
const order = readOrder<ServerOrder>()
const { store, mutant } = openStore(order)
const write = (level: string) => (fields: object, text: string) =>
  appendFileSync(order.logFile, `${level} ${text} ${JSON.stringify(fields, errorsInFull)}\n`)
const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
const operator: Principal = { subject: 'operator', roles: ['admin'] }
const projector = createProjector(store, [orderSummary, customerTotals], { leaseMs: 1000, logger })
const app = createServer({
  store,
  projector,
  logger,
  aggregates: [Order],
  projections: [orderSummary, customerTotals],
  admin: true,
  commandLeaseMs: 2000,
  authentication: ({ headers }) => (headers.authorization === `Bearer ${order.token}` ? operator : undefined),
})
mutant?.changeServer?.(app)
process.on('message', (message) => {
  if (message === 'memory') void tell<ServerNews>({ kind: 'memory', bytes: process.memoryUsage().rss })
})
await projector.start()
const url = await app.listen({ port: 0, host: '127.0.0.1' })
await tell<ServerNews>({ kind: 'listening', url })
await tell<ServerNews>({ kind: 'started' })
await dismissed
await app.close()
await projector.stop()
await store.close()
process.exit()

function errorsInFull(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Error ? { message: value.message, stack: value.stack, cause: value.cause } : value
}
