import {
  failpoint,
  inTransaction,
  on,
  type Checkpoint,
  type CheckpointPlace,
  type EventStore,
  type LogBatch,
  type LogSource,
} from '@tidemark/eventstore'
import { typesOf } from './any-projection.js'
import type { ReadModelTable } from './read-model-table.js'
import { setUpBatch } from './sql/set-up-batch.js'

export interface CopyOptions {
  /** Inclusive. */
  readonly upTo: bigint
  readonly batchSize: number
  readonly signal?: AbortSignal
}

/** How long a process that was paused in a batch keeps the build from others. */
const idleMs = 10_000

/**
 * Folds the log into a table from its checkpoint up to a position, in short transactions; the next batch is read while one is written.
 *
 * @throws {CheckpointLostError} somebody else took the build.
 */
export async function copyLog(
  store: EventStore,
  table: ReadModelTable,
  checkpoint: Checkpoint,
  { upTo, batchSize, signal }: CopyOptions,
  onBatch: (events: number) => void,
): Promise<void> {
  const epoch = await store.log.epoch()
  let next = readAfter(store, table, checkpoint.place.position, upTo, batchSize)
  while (checkpoint.place.position < upTo) {
    const batch = await next
    if (batch.through < upTo) next = readAfter(store, table, batch.through, upTo, batchSize)
    try {
      signal?.throwIfAborted()
      if (batch.through === checkpoint.place.position) continue
      const to = await placeAfter(store, batch, checkpoint, epoch)
      await inTransaction(store.pool, async (client) => {
        // Nobody reads the table yet; the durable commit of the switch covers what came before it.
        await setUpBatch(on(store.database, client), { idleMs, commit: 'relaxed' })
        await checkpoint.advance(client, to)
        await table.apply(client, batch.events)
        await failpoint?.('rebuild.before-commit')
      })
      checkpoint.committed(to)
    } catch (error) {
      // The read that is on its way is not needed any more, and its own failure is nobody's.
      await next.catch(() => undefined)
      throw error
    }
    onBatch(batch.events.length)
  }
}

/** Reads what a table wants of the log. */
export function readAfter(
  { log }: { readonly log: Pick<LogSource, 'read'> },
  { projection }: ReadModelTable,
  after: bigint,
  upTo: bigint,
  limit: number,
): Promise<LogBatch> {
  const categories = projection.aggregates.map(({ name }) => name)
  const reading = log.read({ after, upTo, limit, categories, types: typesOf(projection) })
  // It may fail while nobody awaits it yet.
  reading.catch(() => undefined)
  return reading
}

/** Where a checkpoint is once a batch is done, with the event that proves later that the log is still the same. */
export async function placeAfter(
  { log }: { readonly log: Pick<LogSource, 'lastEventId'> },
  { events, through }: LogBatch,
  checkpoint: Checkpoint,
  epoch: string,
): Promise<CheckpointPlace> {
  const last = events.at(-1)
  const lastId = last?.position === through ? last.id : await log.lastEventId(through)
  return { position: through, eventId: lastId ?? checkpoint.place.eventId, epoch }
}
