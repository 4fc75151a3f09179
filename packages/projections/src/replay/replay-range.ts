import type { RecordedEvent } from '@tidemark/eventstore'
import { typesOf, type AnyProjection } from '../any-projection.js'
import { filterOf } from '../shard.js'
import { selectPositionsBetween } from '../sql/select-positions-between.js'
import { selectStreamPositions } from '../sql/select-stream-positions.js'
import type { ReplayOptions } from './replay-options.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

/** A piece of what is replayed. */
export interface ReplayBatch {
  readonly events: readonly RecordedEvent[]
  /** The position that it reaches. */
  readonly through: bigint
}

/** The events of a replay in the order of the log, as stored. Batches may be empty, where nothing was wanted. */
export async function* replayRange(
  store: ProjectionStore,
  projection: AnyProjection,
  options: ReplayOptions,
): AsyncGenerator<ReplayBatch> {
  const { since, until, streams, batchSize = 2000, onProgress, signal } = options
  const range = await positionsOf(store, options)
  if (!range) return
  const { after, upTo } = range
  const batches =
    streams === undefined
      ? fromLog(store, projection, after, upTo, batchSize)
      : fromStreams(store, projection, { streams, after, upTo }, batchSize)
  for await (const { events, through } of batches) {
    signal?.throwIfAborted()
    // Times do not rise with positions everywhere: appenders overlap, and clocks are set.
    const wanted = ({ recordedAt }: RecordedEvent) =>
      (since === undefined || recordedAt >= since) && (until === undefined || recordedAt <= until)
    yield { events: events.filter(wanted), through }
    onProgress?.({ done: through, total: upTo })
  }
}

async function positionsOf(
  store: ProjectionStore,
  { from = 1n, to, since, until }: ReplayOptions,
): Promise<{ readonly after: bigint; readonly upTo: bigint } | undefined> {
  const head = (await store.head()).position
  const between =
    since || until
      ? await selectPositionsBetween(logDatabaseFor(store, store.database), since, until)
      : { first: 1n, last: head }
  if (!between) return undefined
  const first = from > between.first ? from : between.first
  const last = [to ?? head, between.last].reduce((lowest, each) => (each < lowest ? each : lowest), head)
  return { after: first - 1n, upTo: last }
}

async function* fromLog(
  store: ProjectionStore,
  projection: AnyProjection,
  from: bigint,
  upTo: bigint,
  limit: number,
): AsyncGenerator<ReplayBatch> {
  for (let after = from; after < upTo;) {
    const batch = await store.log.read({ ...filterOf({ projection }), after, upTo, limit })
    yield batch
    after = batch.through
  }
}

async function* fromStreams(
  store: ProjectionStore,
  projection: AnyProjection,
  { streams, after, upTo }: { readonly streams: readonly string[]; readonly after: bigint; readonly upTo: bigint },
  limit: number,
): AsyncGenerator<ReplayBatch> {
  const ends = [...new Set(streams)].map((streamId) => ({ streamId, upTo }))
  const positions = await selectStreamPositions(logDatabaseFor(store, store.database), ends, {
    types: typesOf(projection),
    after,
  })
  for (let from = 0; from < positions.length; from += limit) {
    const page = positions.slice(from, from + limit)
    yield { events: await store.readEventsAt(page), through: page.at(-1) ?? upTo }
  }
}
