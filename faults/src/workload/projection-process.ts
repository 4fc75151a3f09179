import { readFile } from 'node:fs/promises'
import { EventStoreError, type EventStore } from '@tidemark/eventstore'
import {
  createProjector,
  ProjectionError,
  promoteProjection,
  rebuildProjection,
  rollbackProjection,
} from '@tidemark/projections'
import { dismissed, openStore, readOrder, tell, type LabOrder } from './lab-program.js'
import { projections, type ProjectionChoice } from './ledger.js'

/** What a process is started for. */
export interface ProcessOrder extends LabOrder {
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
}

/** How a task ended. */
export type ProcessEnd =
  | {
      readonly kind: 'done'
      readonly events: number
      readonly rows: number
      readonly promoted: boolean
      /** The most memory that it had at once, in bytes. */
      readonly peakBytes: number
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

/** What a process tells: that it has started, and how its task ended. */
export type ProcessNews = { readonly kind: 'started' } | ProcessEnd

// A program: the lab forks it, and kills or stops it.
const order = readOrder<ProcessOrder>()
const { store } = openStore(order)

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
