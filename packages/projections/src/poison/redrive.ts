import { Checkpoint, inRolledBackTransaction, inTransaction, on, type CheckpointPlace } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { AnyProjection } from '../any-projection.js'
import { checkpointNameOf, handlerIdOf } from '../names.js'
import { ownerName } from '../owner-name.js'
import { deleteParked, failParked, selectWaiting, skipParkedAt, type WaitingStream } from '../sql/redrive-statements.js'
import { selectTables } from '../sql/registry-statements.js'
import { selectParked } from '../sql/select-parked.js'
import { TableParts } from '../table-parts.js'
import { recordOf } from './fingerprint.js'
import type { ParkedSelection } from './parked-event.js'
import { redriveHandler } from './redrive-handler.js'
import { redriveRows } from './redrive-rows.js'
import type { Redriven } from './redriven.js'
import type { ProjectionStore } from '../projection-store.js'

/** What is done with the events of a stream that wait. */
export type RedriveMode =
  /** They are handled, as far as they go. */
  | { readonly kind: 'retry' }
  /** The failed ones that were selected are left out for good, and the others handled. */
  | { readonly kind: 'skip'; readonly reason: string }
  /** They are handled, and all of it is rolled back. */
  | { readonly kind: 'try' }

/** Selected streams of one consumer, and what they are redriven with. */
interface Consumer {
  readonly id: string
  readonly checkpoints: readonly Checkpoint[]
  readonly table: string | undefined
  readonly letGo: () => Promise<void>
}

const leaseMs = 10_000
const streamsAtMost = 10_000

/**
 * Redrives the streams of failed events: each in a transaction of its own, in which the projector waits.
 *
 * A stream's events are handled in order, from the first that waits to the next that fails.
 */
export async function redrive(
  store: ProjectionStore,
  projection: AnyProjection,
  selection: Omit<ParkedSelection, 'projection' | 'status'>,
  mode: RedriveMode,
): Promise<Redriven[]> {
  const outcomes: Redriven[] = []
  for (const { id, take } of await consumersOf(store, projection)) {
    const options = { consumer: id, limit: streamsAtMost }
    const failed = await selectParked(
      store.database,
      { ...selection, projection: projection.name, status: 'failed' },
      options,
    )
    if (failed.length === 0) continue
    const streams = new Map(failed.map(({ streamId, tenant }) => [`${tenant ?? ''} ${streamId}`, { streamId, tenant }]))
    const selected = new Set(failed.map(({ position }) => position))
    const consumer = await take()
    try {
      for (const stream of streams.values())
        outcomes.push(await redriveStream(store, projection, consumer, { stream, selected, mode }))
    } finally {
      await consumer.letGo()
    }
  }
  return outcomes
}

async function consumersOf(
  store: ProjectionStore,
  projection: AnyProjection,
): Promise<{ readonly id: string; readonly take: () => Promise<Consumer> }[]> {
  const owner = ownerName('redrive')
  if (projection.kind === 'handler') {
    const id = handlerIdOf(projection)
    const take = async (): Promise<Consumer> => {
      const checkpoint = await Checkpoint.take(store.database, checkpointNameOf(id), { owner, leaseMs })
      if (!checkpoint) throw new Error(`the checkpoint of ${id} is missing`)
      store.leases.hold(checkpoint)
      const letGo = async () => {
        store.leases.letGo(checkpoint)
        await checkpoint.release().catch(() => undefined)
      }
      return { id, checkpoints: [checkpoint], table: undefined, letGo }
    }
    return [{ id, take }]
  }
  const tables = await selectTables(store.database, [projection.name])
  return tables
    .filter(({ version, status }) => version === projection.version && status !== 'building')
    .map((table) => ({
      id: table.table,
      take: async () => {
        const parts = await TableParts.take(store, projection, table, { owner, leaseMs })
        // A row of several streams is folded to one position, whichever shards its events came by.
        await parts.copy(parts.furthest, { batchSize: 2000, writeAfterMs: 10_000, rowsPerTransaction: 20_000 })
        const checkpoints = parts.parts.map(({ checkpoint }) => checkpoint)
        return { id: table.table, checkpoints, table: table.table, letGo: () => parts.letGo() }
      },
    }))
}

interface StreamToRedrive {
  readonly stream: WaitingStream
  /** Where the failed events are that were meant. */
  readonly selected: ReadonlySet<bigint>
  readonly mode: RedriveMode
}

function redriveStream(
  store: ProjectionStore,
  projection: AnyProjection,
  consumer: Consumer,
  { stream, selected, mode }: StreamToRedrive,
): Promise<Redriven> {
  const transact = mode.kind === 'try' ? inRolledBackTransaction : inTransaction
  return transact(store.pool, async (client) => {
    const place = await holdStill(client, consumer)
    return redriveWithin(client, store, projection, consumer, { stream, selected, mode, place })
  })
}

/** Locks the checkpoints where they are: whoever took them meanwhile is noticed here. */
async function holdStill(client: ClientBase, { checkpoints }: Consumer): Promise<CheckpointPlace> {
  for (const checkpoint of checkpoints) await checkpoint.advance(client, checkpoint.place)
  const [first] = checkpoints
  if (!first) throw new Error('a consumer has at least one checkpoint')
  return first.place
}

async function redriveWithin(
  client: ClientBase,
  store: ProjectionStore,
  projection: AnyProjection,
  { id, table }: Consumer,
  { stream, selected, mode, place }: StreamToRedrive & { readonly place: CheckpointPlace },
): Promise<Redriven> {
  const database = on(store.database, client)
  const waiting = await selectWaiting(database, id, stream)
  const skipped = mode.kind === 'skip' ? waiting.filter(({ position, failed }) => failed && selected.has(position)) : []
  if (mode.kind === 'skip') for (const { position } of skipped) await skipParkedAt(database, id, position, mode.reason)
  const positions = waiting.filter((each) => !skipped.includes(each)).map(({ position }) => position)
  const events = await store.readEventsAt(positions, client)
  const outcome =
    projection.kind === 'handler'
      ? await redriveHandler(store, client, projection, { events, sideEffects: mode.kind !== 'try' })
      : await redriveRows(store, database, projection, { table: table ?? '', events, upTo: place.position })
  const { failure, handled } = outcome
  // What was truncated meanwhile is waited for no longer.
  const gone = positions.filter((position) => !events.some((event) => event.position === position))
  await deleteParked(database, id, [...handled, ...gone.filter((position) => !failure || position < failure.position)])
  if (failure) {
    const type = events.find(({ position }) => position === failure.position)?.type ?? ''
    await failParked(database, id, failure.position, recordOf(failure.error, type))
  }
  return { ...stream, ...outcome }
}
