import type { Projection, RowKey } from '../define-projection.js'
import { liveTableOf, type LiveTable } from '../live-table.js'
import { selectRowKeys } from '../sql/select-row-keys.js'
import { selectStreamKeys } from '../sql/select-stream-keys.js'
import { shapeFor } from '../table-lifecycle.js'
import { hashEnd, keyHash } from './key-hash.js'
import type { Refold } from './refold.js'
import { ScanRefold, type ScanOptions } from './scan-refold.js'
import { StreamRefold } from './stream-refold.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

/** Keys that are compared together, and what folds them. */
export interface VerifyPart {
  readonly refold: Refold
  readonly keys: readonly RowKey[]
}

export type PartOptions = Omit<ScanOptions, 'isWanted'>

const keysAtOnce = 500

/** Some keys, in parts. */
export function* partsOfKeys(
  store: ProjectionStore,
  projection: Projection,
  keys: readonly RowKey[],
  options: PartOptions,
): Generator<VerifyPart> {
  const wanted = new Set(keys)
  const refold: Refold =
    projection.keyFrom === 'aggregate-id'
      ? new StreamRefold(store, projection, options.signal)
      : new ScanRefold(store, projection, { ...options, isWanted: (key) => wanted.has(key) })
  yield* inChunks(refold, [...wanted])
}

/** All keys that a row or a stream has, for a projection that is keyed by stream. */
export async function* partsOfStreams(
  store: ProjectionStore,
  projection: Projection,
  { signal }: PartOptions,
): AsyncGenerator<VerifyPart> {
  const categories = projection.aggregates.map(({ name }) => name)
  const refold = new StreamRefold(store, projection, signal)
  let after: string | undefined
  for (;;) {
    // Each time, for a rebuild may have switched another table in.
    const live = await liveTableOf(store.database, projection)
    const page = { after, limit: keysAtOnce }
    const rows = await selectRowKeys(store.database, shapeFor(projection, live.table), page)
    const streams = await selectStreamKeys(logDatabaseFor(store, store.database), { categories, ...page })
    const keys = firstKeys(rows.map(String), streams, keysAtOnce)
    if (keys.length > 0) yield { refold, keys }
    if (keys.length < keysAtOnce) return
    after = keys.at(-1)
  }
}

/**
 * All keys that a row or an event has, for a projection whose events say which rows they touch.
 *
 * A pass folds the keys of a range of hashes. Where they take more memory than they may, the upper half of the range is left to the next pass, which
 * reads the log again.
 */
export async function* partsOfPasses(
  store: ProjectionStore,
  projection: Projection,
  options: PartOptions & { readonly maxBytes: number },
): AsyncGenerator<VerifyPart> {
  for (let from = 0, to = hashEnd; from < hashEnd; from = to, to = hashEnd) {
    const isWanted = (key: RowKey) => {
      const hash = keyHash(key)
      return hash >= from && hash < to
    }
    const refold = new ScanRefold(store, projection, { ...options, isWanted })
    const live = await liveTableOf(store.database, projection)
    await refold.advance(store.database, live, () => {
      // A row that is too large by itself is not made smaller by many small passes around it.
      while (refold.bytes.total > Math.max(options.maxBytes, 2 * refold.bytes.heaviest)) {
        to = from + Math.ceil((to - from) / 2)
        refold.forgetUnwanted()
      }
    })
    // What is only in the log comes last.
    const unseen = new Set(refold.keys)
    for await (const keys of rowKeys(store, projection, live)) {
      const wanted = keys.filter(isWanted)
      for (const key of wanted) unseen.delete(key)
      yield* inChunks(refold, wanted)
    }
    yield* inChunks(refold, [...unseen])
  }
}

/** The first of two lists of keys, each once, in the order in which Postgres has them: that of their bytes. */
function firstKeys(some: readonly string[], others: readonly string[], count: number): string[] {
  const keys = [...new Set([...some, ...others])].map((key) => ({ key, bytes: Buffer.from(key) }))
  return keys
    .sort((a, b) => a.bytes.compare(b.bytes))
    .slice(0, count)
    .map(({ key }) => key)
}

async function* rowKeys(store: ProjectionStore, projection: Projection, live: LiveTable): AsyncGenerator<RowKey[]> {
  const limit = keysAtOnce * 10
  let after: RowKey | undefined
  for (;;) {
    const { table } = after === undefined ? live : await liveTableOf(store.database, projection)
    const keys = await selectRowKeys(store.database, shapeFor(projection, table), { after, limit })
    yield keys
    if (keys.length < limit) return
    after = keys.at(-1)
  }
}

function* inChunks(refold: Refold, keys: readonly RowKey[]): Generator<VerifyPart> {
  for (let from = 0; from < keys.length; from += keysAtOnce) {
    yield { refold, keys: keys.slice(from, from + keysAtOnce) }
  }
}
