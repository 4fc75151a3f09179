import {
  failpoint,
  inTransaction,
  on,
  type Checkpoint,
  type CheckpointPlace,
  type LogBatch,
  type LogSource,
} from '@tidemark/eventstore'
import type { BuildRows } from './build-rows.js'
import { filterOf, type ProjectionPart } from './shard.js'
import { setUpBatch } from './sql/set-up-batch.js'
import type { ProjectionStore } from './projection-store.js'
import { Throttle } from './throttle.js'

export interface CopyOptions {
  /** Inclusive. */
  readonly upTo: bigint
  /** How many events are read at once. */
  readonly batchSize: number
  /** How long rows are only in memory at most, when events keep coming. */
  readonly writeAfterMs: number
  /** Leaves time to others; it works all of the time unless given. */
  readonly throttle?: Throttle
  readonly signal?: AbortSignal
}

/** How long a process that was paused in a transaction keeps the build from others. */
const idleMs = 10_000

/**
 * Folds the log into the rows of a build from its checkpoint up to a position, and writes them with the checkpoint now and then.
 *
 * The next batch is read while one is folded, unless it leaves time to others: each batch is then read, folded and written before the rest. At the
 * end everything is written; after the signal too, so that the next call goes on from there.
 *
 * @throws {CheckpointLostError} somebody else took the build.
 */
export async function copyLog(
  store: ProjectionStore,
  rows: BuildRows,
  checkpoint: Checkpoint,
  { upTo, batchSize, writeAfterMs, throttle = new Throttle(1), signal }: CopyOptions,
  onBatch: (events: number, through: bigint) => void,
): Promise<void> {
  let after = checkpoint.place.position
  if (after >= upTo) return
  const epoch = await store.log.epoch()
  const read = () => readAfter(store, rows, after, upTo, batchSize)
  let next: Promise<LogBatch> | undefined
  let writing: Promise<void> | undefined
  let writtenAt = performance.now()
  let { place } = checkpoint
  const copyBatch = async (): Promise<{ readonly ended: boolean }> => {
    const batch = await (next ?? read())
    if (store.verifyPlace) {
      await store.verifyPlace(checkpoint.name, place)
      place = await placeAfter(store, batch, checkpoint, epoch)
    }
    after = batch.through
    next = after >= upTo || throttle.isOn ? undefined : read()
    await rows.fold(batch.events)
    onBatch(batch.events.length, after)
    const ended = after >= upTo || signal?.aborted === true
    if (!ended && !rows.isFull && performance.now() - writtenAt < writeAfterMs) return { ended }
    // One at a time, so that memory stays bounded; the fold goes on meanwhile.
    await writing
    const to = await placeAfter(store, batch, checkpoint, epoch)
    writing = writeRows(store, rows, checkpoint, to)
    // It may fail while a batch is folded.
    writing.catch(() => undefined)
    if (throttle.isOn) await writing
    writtenAt = performance.now()
    return { ended }
  }
  try {
    while (!(await throttle.work(copyBatch)).ended);
    await writing
    await next
  } catch (error) {
    // What is on its way is not needed any more, and its own failure is nobody's.
    await Promise.allSettled([next, writing])
    throw error
  }
  signal?.throwIfAborted()
}

async function writeRows(
  store: ProjectionStore,
  rows: BuildRows,
  checkpoint: Checkpoint,
  to: CheckpointPlace,
): Promise<void> {
  const changes = rows.takeChanges()
  await inTransaction(store.pool, async (client) => {
    // Nobody reads the table yet; the durable commit of the switch covers what came before it.
    await setUpBatch(on(store.database, client), { idleMs, commit: 'relaxed' })
    await checkpoint.advance(client, to)
    await rows.write(client, changes)
    await failpoint?.('rebuild.before-commit')
  })
  checkpoint.committed(to)
  rows.written()
}

/** Reads what a part of a projection wants of the log. */
export function readAfter(
  { log }: { readonly log: Pick<LogSource, 'read'> },
  part: ProjectionPart,
  after: bigint,
  upTo: bigint,
  limit: number,
): Promise<LogBatch> {
  const reading = log.read({ ...filterOf(part), after, upTo, limit })
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
