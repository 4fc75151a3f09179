import { failpoint, inTransaction, on, type Checkpoint } from '@tidemark/eventstore'
import type { Build } from './build.js'
import { copyLive } from './copy-live.js'
import { readAfter } from './copy-log.js'
import type { Projection, RowKey } from './define-projection.js'
import { HistoryTruncatedError } from './errors.js'
import { RowFold } from './fold-rows.js'
import type { LiveTable } from './live-table.js'
import type { Row } from './row.js'
import { selectRefoldProgress, updateRefoldProgress } from './sql/copy-table.js'
import { selectSetAside } from './sql/select-set-aside.js'
import { setUpBatch } from './sql/set-up-batch.js'
import { TableStatements } from './sql/table-statements.js'
import { shapeFor } from './table-lifecycle.js'
import type { Throttle } from './throttle.js'
import type { Refold } from './verify/refold.js'
import { ScanRefold } from './verify/scan-refold.js'
import { StreamRefold } from './verify/stream-refold.js'
import type { ProjectionStore } from './projection-store.js'

export interface RefoldOptions {
  readonly batchSize: number
  readonly throttle: Throttle
  readonly signal?: AbortSignal | undefined
  readonly onBatch: (events: number, through: bigint) => void
}

const idleMs = 10_000
/** Keys whose rows are in memory at once. Where the whole log is read for them there are more, so that it is read less often. */
const keysAtOnce = { streams: 500, scan: 100_000 }

/**
 * Begins a build with the rows of the live table, and folds those again that events from a position on touch: from their first event, for what they were
 * before may be wrong too.
 *
 * Goes on where an earlier call was cut off. Afterwards the build is where the live table was when it was copied.
 *
 * @throws {HistoryTruncatedError} events were deleted that a touched row needs.
 */
export async function refoldTouched(
  store: ProjectionStore,
  projection: Projection,
  build: Build,
  checkpoint: Checkpoint,
  { batchSize, throttle, signal, onBatch }: RefoldOptions,
): Promise<void> {
  if ((await selectRefoldProgress(store.database, build.table)) === undefined)
    await copyLive(store, projection, build, checkpoint)
  const progress = await selectRefoldProgress(store.database, build.table)
  if (!progress) throw new Error(`the rows of ${build.table} were copied, and it does not say from where`)
  const { copiedAt } = progress
  const table = await tableAt(store, projection, build, copiedAt)
  const fold = new RowFold(projection)
  const most = projection.keyFrom === 'aggregate-id' ? keysAtOnce.streams : keysAtOnce.scan
  const touched = new Set<RowKey>()
  let after = progress.refoldedTo
  const refoldBatch = async () => {
    signal?.throwIfAborted()
    const { events, through } = await readAfter(store, { projection }, after, copiedAt, batchSize)
    for (const { keys, failure, event } of fold.plan(await store.reveal(projection.aggregates, events))) {
      if (failure && !table.setAside.has(event.position)) throw failure
      for (const key of keys) touched.add(key)
    }
    after = through
    onBatch(events.length, after)
    if (touched.size < most && after < copiedAt) return
    const rows = await foldAgain(store, projection, table, [...touched], signal)
    await writeRows(store, projection, { build, checkpoint, rows, through: after })
    touched.clear()
  }
  while (after < copiedAt) await throttle.work(refoldBatch)
}

/** The build as a table that is compared with the log. */
async function tableAt(
  { database }: ProjectionStore,
  { name, version }: Projection,
  { table, target, shards, from }: Build,
  position: bigint,
): Promise<LiveTable> {
  const whole = { name, version, table, status: 'building', shards, target, from } as const
  const registered = { ...whole, inline: false, fedBy: undefined }
  const setAside = await selectSetAside(database, table)
  return { ...registered, position, furthest: position, positions: [position], setAside }
}

async function foldAgain(
  store: ProjectionStore,
  projection: Projection,
  table: LiveTable,
  keys: readonly RowKey[],
  signal: AbortSignal | undefined,
): Promise<Map<RowKey, Row | null>> {
  const rows = new Map<RowKey, Row | null>()
  const wanted = new Set(keys)
  const isScan = projection.keyFrom !== 'aggregate-id'
  const refold: Refold = isScan
    ? new ScanRefold(store, projection, { isWanted: (key) => wanted.has(key), signal })
    : new StreamRefold(store, projection, signal)
  const atOnce = isScan ? keys.length : keysAtOnce.streams
  for (let from = 0; from < keys.length; from += atOnce) {
    const part = keys.slice(from, from + atOnce)
    const refolded = await refold.upTo(store.database, table, part)
    for (const key of part) {
      const truncated = refolded.truncatedFor(key, false)
      if (truncated.length > 0) throw new HistoryTruncatedError(projection.name, key, truncated)
      const failure = refolded.failureOf(key)
      if (failure) throw failure
      rows.set(key, refolded.rowOf(key))
    }
  }
  return rows
}

interface Written {
  readonly build: Build
  readonly checkpoint: Checkpoint
  readonly rows: ReadonlyMap<RowKey, Row | null>
  readonly through: bigint
}

async function writeRows(
  store: ProjectionStore,
  projection: Projection,
  { build, checkpoint, rows, through }: Written,
): Promise<void> {
  const statements = new TableStatements(shapeFor(projection, build.table))
  const upserts = [...rows.values()].filter((row) => row !== null)
  const deletes = [...rows].filter(([, row]) => row === null).map(([key]) => key)
  await inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await setUpBatch(database, { idleMs, commit: 'relaxed' })
    // Where it is: whoever took the build meanwhile is noticed.
    await checkpoint.advance(client, checkpoint.place)
    await statements.write(database, { upserts, deletes })
    await updateRefoldProgress(database, build.table, through)
    await failpoint?.('rebuild.before-commit')
  })
}
