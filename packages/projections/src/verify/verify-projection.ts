import type { Projection, RowKey } from '../define-projection.js'
import { ProjectionDefinitionError } from '../errors.js'
import { liveTableOf, type LiveTable } from '../live-table.js'
import { countRows } from '../sql/count-rows.js'
import { checkTable, refuseTenants } from '../table-lifecycle.js'
import { compareKeys, type Drift, type Unverifiable } from './compare-keys.js'
import { healKeys } from './heal-keys.js'
import { Throttle } from '../throttle.js'
import { ScanRefold } from './scan-refold.js'
import { sampleKeys } from './sample-keys.js'
import { partsOfKeys, partsOfPasses, partsOfStreams, type VerifyPart } from './verify-parts.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

/** How far a verification is. */
export interface VerifyProgress {
  /** Keys that were compared. */
  readonly checked: number
  /** About how many there are to compare: for all of them, the rows that the table had at the beginning. */
  readonly total: number
  readonly drifted: number
  /** How far the log was read, in this pass over it; 0 where only the streams of the keys are read. */
  readonly position: bigint
}

export interface VerifyOptions {
  /** Only these keys. */
  readonly keys?: readonly RowKey[]
  /** About so many keys, chosen by chance; 1,000 where neither keys nor all of them are asked for. */
  readonly sample?: number
  /** All keys that a row or an event has. */
  readonly all?: true
  /** Whether rows that have drifted are written as the log says. */
  readonly heal?: boolean
  /** What the rows take at most that are folded at once, as JSON text; 32 MiB unless said. As objects they take some times as much. */
  readonly maxBytes?: number
  /** How much of the time it works, above 0 and at most 1; all of it unless said. The rest is left to others of the database. */
  readonly share?: number
  /** Called after each part. */
  readonly onProgress?: (progress: VerifyProgress) => void
  readonly signal?: AbortSignal
}

/** A row that is not what the log says, and whether it is now. */
export interface DriftedRow extends Drift {
  readonly healed: boolean
}

export interface VerifyResult {
  /** Where all shards of the table were when its last part was compared. */
  readonly position: bigint
  /** Keys that were looked at, with those of which nothing can be said. */
  readonly checked: number
  /** How many rows are not what the log says, were it to be healed or not. */
  readonly driftedRows: number
  /** The first 1,000 of them. */
  readonly drifted: readonly DriftedRow[]
  /** How many of them are right again. */
  readonly healed: number
  /** Of how many keys nothing can be said, because of truncated streams. */
  readonly unverifiableRows: number
  /** The first 1,000 of them. */
  readonly unverifiable: readonly Unverifiable[]
}

/** What a report lists at most. */
const listed = 1000

/**
 * Folds keys again from the log, up to the position of the live table, and compares.
 *
 * Rows and position are read in one snapshot, so a projector may run meanwhile and every difference is a true one. What is compared is what Postgres
 * stores: JSON without an order of properties, dates to the millisecond. Events that were parked or skipped are left out, as they are in the rows. A table that was built by other handlers, and personal data that was
 * forgotten since, are drift. With `heal` a drifted row is folded and written in a transaction that holds the projector up for its moment.
 *
 * @throws {ProjectionDefinitionError} more than one of `keys`, `sample` and `all` is given, `share` is not above 0 and at most 1, or read models cannot be kept in this store.
 * @throws {TableMissingError} @throws {VersionNotLiveError} @throws {SchemaChangedError} there is no table to compare with.
 * @throws {TableChangedError} parked events were handled meanwhile: call again.
 * @throws {InvalidRowError} @throws {HandlerFailedError} the log cannot be folded by these handlers.
 *
 * @example
 * const { checked, drifted } = await verifyProjection(store, orderSummary, { sample: 5000 })
 */
export async function verifyProjection(
  store: ProjectionStore,
  projection: Projection,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  await refuseTenants(logDatabaseFor(store, store.database), projection)
  const live = await liveTableOf(store.database, projection)
  await checkTable(store.database, projection, live)
  const { share = 1 } = options
  if (!(share > 0 && share <= 1))
    throw new ProjectionDefinitionError(
      projection.name,
      `a verification cannot take ${share} of the time: more than 0, at most 1`,
    )
  const drifted: DriftedRow[] = []
  const unverifiable: Unverifiable[] = []
  const found = { position: live.position, checked: 0, driftedRows: 0, healed: 0, unverifiableRows: 0 }
  const keys = await chosenKeys(store, projection, live, options)
  const total = keys?.length ?? (await countRows(store.database, live.table))
  const throttle = new Throttle(share, options.signal)
  let read = 0n
  const tell = () => options.onProgress?.({ checked: found.checked, total, drifted: found.driftedRows, position: read })
  const onRead = (position: bigint) => {
    read = position
    tell()
  }
  for await (const { refold, keys: some } of partsFor(store, projection, keys, options, onRead, throttle)) {
    options.signal?.throwIfAborted()
    const compare = () => compareKeys(store, projection, refold, some)
    // A scan rests by itself.
    const part = refold instanceof ScanRefold ? await compare() : await throttle.work(compare)
    const driftedKeys = part.drifted.map(({ key }) => key)
    const heals = options.heal === true && driftedKeys.length > 0
    const healed = new Set(heals ? await healKeys(store, projection, refold, driftedKeys) : [])
    found.position = part.position
    found.checked += some.length
    found.driftedRows += part.drifted.length
    found.healed += healed.size
    found.unverifiableRows += part.unverifiable.length
    for (const drift of part.drifted.slice(0, listed - drifted.length)) {
      drifted.push({ ...drift, healed: healed.has(drift.key) })
    }
    unverifiable.push(...part.unverifiable.slice(0, listed - unverifiable.length))
    tell()
  }
  return { ...found, drifted, unverifiable }
}

/** The keys that were asked for, or chosen by chance; undefined for all. */
async function chosenKeys(
  store: ProjectionStore,
  projection: Projection,
  live: LiveTable,
  { keys, sample, all }: VerifyOptions,
): Promise<readonly RowKey[] | undefined> {
  if ([keys, sample, all].filter((given) => given !== undefined).length > 1)
    throw new ProjectionDefinitionError(projection.name, 'to verify it, give one of keys, sample and all')
  return all ? undefined : (keys ?? (await sampleKeys(store, projection, live, sample ?? 1000)))
}

function partsFor(
  store: ProjectionStore,
  projection: Projection,
  keys: readonly RowKey[] | undefined,
  { maxBytes = 32 * 1024 * 1024, signal }: VerifyOptions,
  onRead: (position: bigint) => void,
  throttle: Throttle,
): Iterable<VerifyPart> | AsyncIterable<VerifyPart> {
  const options = { onRead, signal, throttle }
  if (keys) return partsOfKeys(store, projection, keys, options)
  return projection.keyFrom === 'aggregate-id'
    ? partsOfStreams(store, projection, options)
    : partsOfPasses(store, projection, { ...options, maxBytes })
}
