import { readFile } from 'node:fs/promises'
import { createEventStore, EventStoreError, type EventStore } from '@tidemark/eventstore'
import {
  createProjector,
  ProjectionError,
  promoteProjection,
  rebuildProjection,
  rollbackProjection,
} from '@tidemark/projections'
import pg from 'pg'
import { mutants } from '../mutants/index.js'
import { interceptQueries } from './intercept-queries.js'
import { projections, type ProjectionChoice } from './ledger.js'

/** What a process is started for. */
export interface ProcessOrder {
  readonly databaseUrl: string
  readonly task: 'follow' | 'rebuild' | 'promote' | 'rollback'
  /** All of them are followed; the other tasks take the first. */
  readonly projections: readonly ProjectionChoice[]
  readonly leaseMs?: number
  readonly batchSize?: number
  /** Of a rebuild. */
  readonly rebuild?: {
    readonly promote?: boolean
    readonly join?: boolean
    readonly shards?: number
    readonly share?: number
    readonly rowsPerTransaction?: number
  }
  /** The defect that it has. */
  readonly mutant?: string | undefined
}

/** What a process tells: that it has started, and how its task ended. */
export type ProcessNews =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'done'
      readonly events: number
      readonly rows: number
      readonly promoted: boolean
      /** The most memory that it had at once, in bytes. */
      readonly peakBytes: number
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

// A program: the lab forks it, and kills or stops it.
const order = JSON.parse(process.argv[2] ?? '') as ProcessOrder
const mutant = mutants.find(({ name }) => name === order.mutant)
const pool = new pg.Pool({ connectionString: order.databaseUrl, max: 8 })
const store = createEventStore(mutant?.interceptQuery ? interceptQueries(pool, mutant.interceptQuery) : pool, {
  pollIntervalMs: 100,
})
if (mutant?.wrapRead) Object.assign(store.log, { read: mutant.wrapRead(store.log.read.bind(store.log)) })

const tell = (news: ProcessNews) =>
  new Promise<void>((resolve) => {
    if (process.send) process.send(news, undefined, undefined, () => resolve())
    else resolve()
  })

/** The lab lets go of it, or has died. */
const dismissed = new Promise<void>((resolve) => process.once('disconnect', resolve))

async function follow(on: EventStore, { projections: names, leaseMs = 500, batchSize = 20 }: ProcessOrder) {
  const chosen = names.map((name) => projections[name])
  const projector = createProjector(on, chosen, { leaseMs, batchSize, watchIntervalMs: 50 })
  await projector.start()
  await tell({ kind: 'started' })
  await dismissed
  await projector.stop()
}

async function once(on: EventStore, { task, projections: [name], rebuild, leaseMs = 500, batchSize }: ProcessOrder) {
  if (!name) throw new RangeError('a process was told no projection')
  const projection = projections[name]
  await tell({ kind: 'started' })
  try {
    const limits = { leaseMs, ...(batchSize !== undefined && { batchSize }) }
    if (task === 'rebuild') {
      const { events, rows, promoted } = await rebuildProjection(on, projection, { ...limits, ...rebuild })
      await tell({ kind: 'done', events, rows, promoted, peakBytes: await peakMemory() })
    } else {
      await (task === 'promote' ? promoteProjection : rollbackProjection)(on, projection, { leaseMs })
      await tell({ kind: 'done', events: 0, rows: 0, promoted: true, peakBytes: await peakMemory() })
    }
  } catch (error) {
    if (!(error instanceof ProjectionError || error instanceof EventStoreError)) throw error
    await tell({ kind: 'failed', code: error.code, message: error.message })
  }
}

/** Linux counts from the start of the program; elsewhere the memory of now must do. */
async function peakMemory(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kibibytes === undefined ? process.memoryUsage.rss() : Number(kibibytes) * 1024
}

await (order.task === 'follow' ? follow(store, order) : once(store, order))
await store.close()
process.exit(0)
