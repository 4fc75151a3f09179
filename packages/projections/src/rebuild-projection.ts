import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { run, silentLogger, type Checkpoint, type EventStore, type Logger, type Statement } from '@tidemark/eventstore'
import { BuildRows } from './build-rows.js'
import { copyLog } from './copy-log.js'
import { claimBuild, dropReplaced, prepareBuild } from './build.js'
import type { Projection } from './define-projection.js'
import { ProjectionDefinitionError } from './errors.js'
import { inReadSchema } from './names.js'
import { promoteBuild } from './promote-build.js'
import { ReadModelTable } from './read-model-table.js'
import { createIndexes } from './table-lifecycle.js'

/** How far a rebuild is. */
export interface RebuildProgress {
  /** The position that it has reached. */
  readonly done: bigint
  /** The position that it goes to before it follows and switches. */
  readonly total: bigint
  /** Events handled per second since this call began. */
  readonly eventsPerSecond: number
}

export interface RebuildOptions {
  /** Called after each batch was folded; it is written some seconds later at most. */
  readonly onProgress?: (progress: RebuildProgress) => void
  /** Ends the rebuild after the batch in work; the next call goes on from there. */
  readonly signal?: AbortSignal
  /** Events that are read at once; 2,000 unless said. */
  readonly batchSize?: number
  /** About how many rows a transaction writes at most; 200,000 unless said. */
  readonly rowsPerTransaction?: number
  /** How long another process waits before it goes on with a build whose process died; 10,000 ms unless said. */
  readonly leaseMs?: number
  readonly logger?: Logger
}

export interface RebuildResult {
  /** Events that this call handled; fewer than the log has when it went on with an earlier call's build. */
  readonly events: number
  /** Rows of the new table. */
  readonly rows: number
  readonly durationMs: number
}

/**
 * Builds a read model anew beside the live one, and switches it in.
 *
 * The live table is read and kept up to date meanwhile, and readers of the view see the old rows until they see all of the new ones;
 * appends are never held up. A build that was cut off, by an error, the signal or a kill, is gone on with by the next call. The replaced
 * table is kept until the next rebuild. Needs two connections of the pool at once.
 *
 * @throws {RebuildRunningError} another process is at it.
 * @throws {SchemaChangedError} the live table of this version has other columns: raise the version.
 * @throws {VersionNotLiveError} a newer version is live.
 * @throws {PromoteBlockedError} readers held the view through all tries.
 *
 * @example
 * const { events, rows, durationMs } = await rebuildProjection(store, orderSummary, {
 *   onProgress: ({ done, total }) => console.log(`${done} of ${total}`),
 * })
 */
export async function rebuildProjection(
  store: EventStore,
  projection: Projection,
  options: RebuildOptions = {},
): Promise<RebuildResult> {
  const { signal, batchSize = 2000, rowsPerTransaction = 200_000, leaseMs = 10_000, onProgress } = options
  const { logger = silentLogger } = options
  const startedAt = performance.now()
  signal?.throwIfAborted()
  if (store.pool.options.max < 2)
    throw new ProjectionDefinitionError(
      projection.name,
      'a rebuild needs two connections at once: let the pool have them',
    )
  await dropReplaced(store, projection, logger)
  const build = await prepareBuild(store, projection)
  const owner = `rebuild/${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  const checkpoint = await claimBuild(store, projection, build, { owner, leaseMs, ...(signal ? { signal } : {}) })
  const table = new ReadModelTable(store, projection, build.table)
  const empty = checkpoint.place.position === 0n
  const rows = new BuildRows(store, projection, build.table, { empty, maxChanged: rowsPerTransaction })
  const limits = { batchSize, writeAfterMs: 10_000, ...(signal ? { signal } : {}) }
  let events = 0
  const copy = (upTo: bigint) =>
    copyLog(store, rows, checkpoint, { upTo, ...limits }, (count, through) => {
      events += count
      const seconds = (performance.now() - startedAt) / 1000
      onProgress?.({
        done: through < build.target ? through : build.target,
        total: build.target,
        eventsPerSecond: events / seconds,
      })
    })
  try {
    await checkpoint.verify(store.log)
    await keepingLease(checkpoint, leaseMs, () => copy(build.target))
    // After the rows: an index that is made at once costs a fraction of one that grows.
    await keepingLease(checkpoint, leaseMs, () => createIndexes(store.database, projection, build.table))
    await promoteBuild(store, table, checkpoint, { copy, logger, ...(signal ? { signal } : {}) })
  } catch (error) {
    await leave(checkpoint)
    throw error
  }
  return { events, rows: await countRows(store, build.table), durationMs: performance.now() - startedAt }
}

/** Renews the lease while something takes its time. */
async function keepingLease(checkpoint: Checkpoint, leaseMs: number, work: () => Promise<void>): Promise<void> {
  const renewing = setInterval(() => void checkpoint.renewLease().catch(() => undefined), leaseMs / 3)
  try {
    await work()
  } finally {
    clearInterval(renewing)
  }
}

/** The lease is given back so that the next call need not wait for its end. */
async function leave(checkpoint: Checkpoint): Promise<void> {
  await checkpoint.release().catch(() => undefined)
}

async function countRows({ database }: EventStore, table: string): Promise<number> {
  const statement: Statement = {
    name: 'unnamed',
    text: (schema) => `select count(*) from ${inReadSchema(schema, table)}`,
  }
  const [row] = await run<[string]>({ ...database, prepare: false }, statement, [])
  return Number(row?.[0] ?? 0)
}
