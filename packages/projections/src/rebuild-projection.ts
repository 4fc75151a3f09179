import { setTimeout as sleep } from 'node:timers/promises'
import {
  failpoint,
  inTransaction,
  on,
  run,
  silentLogger,
  type Checkpoint,
  type Logger,
  type Statement,
} from '@tidemark/eventstore'
import { BuildRows } from './build-rows.js'
import { claimOrWait, claimShard, dropTables, findBuild, prepareBuild, type Build, type ClaimedShard } from './build.js'
import { catchUpWithin } from './catch-up.js'
import { copyLog } from './copy-log.js'
import { checkInline } from './check-inline.js'
import type { Projection } from './define-projection.js'
import { ProjectionDefinitionError, RebuildRunningError } from './errors.js'
import { inReadSchema, shardsOf } from './names.js'
import { ownerName } from './owner-name.js'
import { refoldTouched } from './refold-touched.js'
import { reshard } from './sql/checkpoint-switch.js'
import { lockProjection, updateTableStatus } from './sql/registry-statements.js'
import { selectShardPositions } from './sql/select-shard-positions.js'
import { switchTable } from './switch-table.js'
import { createIndexes } from './table-lifecycle.js'
import { TableParts } from './table-parts.js'
import type { ProjectionStore } from './projection-store.js'
import { Throttle } from './throttle.js'

/** How far a rebuild is. */
export interface RebuildProgress {
  /** The position that it has reached, over all shards. */
  readonly done: bigint
  /** The position that it goes to before it follows and switches. */
  readonly total: bigint
  /** Events that this process handled per second since the call began. */
  readonly eventsPerSecond: number
  /** The shard in work, from 0, of how many, and the position that it has reached: for whoever adds up what several processes do. */
  readonly shard: number
  readonly shards: number
  readonly shardPosition: bigint
}

export interface RebuildOptions {
  /** Whether the table goes live at the end; true unless said. Otherwise it follows the log, for `diffProjection` and `promoteProjection`. */
  readonly promote?: boolean
  /**
   * Keeps the rows of the live table, except those that an event at or after this position touches: they are folded again from their first event.
   * For a mistake that began at a known time, in a large table. Needs the same columns; not together with `shards`.
   */
  readonly from?: bigint
  /** How many parts are built, each by one process at a time; 1 unless said. An unfinished build that is gone on with keeps its own number. */
  readonly shards?: number
  /** Only helps with the shards of a rebuild that another process has begun, and returns when none is left to take, or there is no such rebuild. */
  readonly join?: boolean
  /**
   * How much of the time this process reads, folds and writes at most, above 0 and at most 1; all of it unless said. The rest is left to others of
   * the database. What is one statement, an index or the switch, takes the time that it takes.
   */
  readonly share?: number
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
  /**
   * Who keeps the read model up to date afterwards: whoever does now, a projector at first, unless said. `inlineProjections` says `appends` where
   * needed.
   */
  readonly keptBy?: 'projector' | 'appends'
  readonly logger?: Logger
}

export interface RebuildResult {
  /** Events that this call handled; fewer than the log has when it went on with an earlier call's build, or others helped. */
  readonly events: number
  /** Rows of the new table. */
  readonly rows: number
  /** The new table, without its schema; undefined where there was no rebuild to join. */
  readonly table: string | undefined
  /** Whether it is live now. */
  readonly promoted: boolean
  readonly durationMs: number
}

/**
 * Builds a read model anew beside the live one, and switches it in.
 *
 * The live table is read and kept up to date meanwhile, and readers of the view see the old rows until they see all of the new ones;
 * appends are held up only where they keep it, at the switch. A build that was cut off, by an error, the signal or a kill, is gone on with by the
 * next call; one that was begun from another position is dropped. The replaced table is kept until the next rebuild: see `rollbackProjection`.
 * Needs two connections of the pool at once.
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
  store: ProjectionStore,
  projection: Projection,
  options: RebuildOptions = {},
): Promise<RebuildResult> {
  const { shards = 1, share = 1, join = false, from, keptBy, signal, logger = silentLogger } = options
  signal?.throwIfAborted()
  if (keptBy === 'appends') checkInline(projection, store)
  checkOptions(store, projection, { shards, share, from })
  if (!join) await dropTables(store, projection, ['previous', 'built'], logger)
  const build = join ? await findBuild(store, projection) : await prepareBuild(store, projection, { shards, from })
  if (!build) return { events: 0, rows: 0, table: undefined, promoted: false, durationMs: 0 }
  return new Rebuild(store, projection, build, options).run(join)
}

function checkOptions(
  { pool }: ProjectionStore,
  { name }: Projection,
  { shards, share, from }: { readonly shards: number; readonly share: number; readonly from: bigint | undefined },
): void {
  if (pool.options.max < 2)
    throw new ProjectionDefinitionError(name, 'a rebuild needs two connections at once: let the pool have them')
  if (!Number.isInteger(shards) || shards < 1 || shards > 256)
    throw new ProjectionDefinitionError(name, `it cannot be built in ${shards} shards: a whole number from 1 to 256`)
  if (from !== undefined && (from < 1n || shards > 1))
    throw new ProjectionDefinitionError(name, 'a rebuild from a position begins at 1 at least, and has one shard')
  if (!(share > 0 && share <= 1))
    throw new ProjectionDefinitionError(name, `a rebuild cannot take ${share} of the time: more than 0, at most 1`)
}

/** One call of {@link rebuildProjection}. */
class Rebuild {
  private readonly startedAt = performance.now()
  private readonly owner = ownerName('rebuild')
  private readonly leaseMs: number
  private readonly logger: Logger
  private readonly signal: AbortSignal | undefined
  private readonly limits: { batchSize: number; writeAfterMs: number; throttle: Throttle; signal?: AbortSignal }
  private readonly rowsPerTransaction: number
  private events = 0

  constructor(
    private readonly store: ProjectionStore,
    private readonly projection: Projection,
    private readonly build: Build,
    private readonly options: RebuildOptions,
  ) {
    const { batchSize = 2000, leaseMs = 10_000, share = 1, signal, logger = silentLogger } = options
    this.leaseMs = leaseMs
    this.logger = logger
    this.signal = signal
    this.limits = { batchSize, writeAfterMs: 10_000, throttle: new Throttle(share, signal), ...(signal && { signal }) }
    this.rowsPerTransaction = options.rowsPerTransaction ?? 200_000
  }

  async run(join: boolean): Promise<RebuildResult> {
    if (join) await this.copyFreeShards()
    const promoted = join ? false : await this.lead()
    const { table } = this.build
    const rows = await countRows(this.store, table)
    return { events: this.events, rows, table, promoted, durationMs: performance.now() - this.startedAt }
  }

  /** Has the first shard from beginning to end: nobody else leads meanwhile. */
  private async lead(): Promise<boolean> {
    const { store, projection, build, owner, leaseMs, logger, signal } = this
    const [first] = shardsOf(build.table, build.shards)
    if (!first) throw new Error('a table has at least one shard')
    const claim = { owner, leaseMs, ...(signal && { signal }) }
    const mine = await claimOrWait(store, projection, first.checkpoint, claim)
    store.leases.hold(mine)
    let parts: TableParts | undefined
    try {
      if (build.from !== undefined) await this.refoldTouched(mine)
      await this.copyShard({ part: first, checkpoint: mine })
      await this.copyFreeShards()
      await this.waitForOthers()
      await failpoint?.('rebuild.before-indexes')
      // After the rows: an index that is made at once costs a fraction of one that grows.
      await createIndexes(store.database, projection, build.table)
      await failpoint?.('rebuild.after-indexes')
      const registered = {
        name: projection.name,
        version: projection.version,
        table: build.table,
        shards: build.shards,
      }
      parts = await TableParts.take(store, projection, registered, { owner, leaseMs, mine })
      if (this.options.promote === false) return await this.finish(parts)
      const limits = { ...this.limits, rowsPerTransaction: this.rowsPerTransaction }
      const { keptBy } = this.options
      await switchTable(store, projection, registered, { parts, limits, keptBy, signal, logger })
      return true
    } finally {
      // So that the next call need not wait for the lease to end.
      store.leases.letGo(mine)
      await (parts ? parts.letGo() : mine.release().catch(() => undefined))
    }
  }

  private async refoldTouched(checkpoint: Checkpoint): Promise<void> {
    const { store, projection, build, signal, limits } = this
    await refoldTouched(store, projection, build, checkpoint, {
      ...{ batchSize: limits.batchSize, throttle: limits.throttle, signal },
      onBatch: (count, through) => this.report(count, through, 0),
    })
  }

  private report(events: number, through: bigint, shard: number): void {
    const { options, startedAt } = this
    const { target: total, shards } = this.build
    this.events += events
    const shardPosition = through < total ? through : total
    const done = (BigInt(shard) * total + shardPosition) / BigInt(shards)
    const eventsPerSecond = (this.events * 1000) / (performance.now() - startedAt)
    options.onProgress?.({ done, total, eventsPerSecond, shard, shards, shardPosition })
  }

  /** Leaves the table to follow the log until it is promoted. */
  private async finish(parts: TableParts): Promise<false> {
    const { store, projection, build } = this
    // A call that was cut off in its switch may have brought some shards further than others.
    await parts.copy(parts.furthest, { ...this.limits, rowsPerTransaction: this.rowsPerTransaction })
    await inTransaction(store.pool, async (client) => {
      const database = on(store.database, client)
      await lockProjection(database, projection.name)
      // They are there by now; but a process that slept may have lost them, and another have made the table live.
      const place = await catchUpWithin(client, database, parts, parts.furthest)
      await reshard(database, build, projection.shards, place)
      await updateTableStatus(database, build.table, 'built')
      await failpoint?.('rebuild.before-built')
    })
    return false
  }

  private async copyFreeShards(): Promise<void> {
    const { store, build, owner, leaseMs } = this
    if (build.shards === 1) return
    for (;;) {
      this.signal?.throwIfAborted()
      const claimed = await claimShard(store, build, { owner, leaseMs })
      if (!claimed) return
      store.leases.hold(claimed.checkpoint)
      try {
        await this.copyShard(claimed)
      } finally {
        store.leases.letGo(claimed.checkpoint)
        await claimed.checkpoint.release().catch(() => undefined)
      }
    }
  }

  private async copyShard({ part: { shard }, checkpoint }: ClaimedShard): Promise<void> {
    const { store, projection, build, rowsPerTransaction } = this
    await checkpoint.verify(store.log)
    const empty = checkpoint.place.position === 0n
    const rows = new BuildRows(store, projection, build.table, { empty, maxChanged: rowsPerTransaction, shard })
    await copyLog(store, rows, checkpoint, { upTo: build.target, ...this.limits }, (count, through) => {
      this.report(count, through, shard?.index ?? 0)
    })
  }

  /** Other processes may be at work on other shards; those of one that died are taken over once its lease has ended. */
  private async waitForOthers(): Promise<void> {
    const { store, projection, build } = this
    for (;;) {
      const positions = await selectShardPositions(store.database, build.table, build.shards)
      if (positions.every((position) => position >= build.target)) return
      // While this process slept, another may have brought it to its end: its checkpoints are gone then.
      if ((await findBuild(store, projection))?.table !== build.table)
        throw new RebuildRunningError(projection.name, undefined)
      await this.copyFreeShards()
      await sleep(100, undefined, this.signal && { signal: this.signal })
    }
  }
}

async function countRows({ database }: ProjectionStore, table: string): Promise<number> {
  const statement: Statement = {
    name: 'unnamed',
    text: (schema) => `select count(*) from ${inReadSchema(schema, table)}`,
  }
  const [row] = await run<[string]>({ ...database, prepare: false }, statement, [])
  return Number(row?.[0] ?? 0)
}
