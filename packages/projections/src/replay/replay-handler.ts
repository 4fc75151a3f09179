import { inRolledBackTransaction, inTransaction, on, type RecordedEvent } from '@tidemark/eventstore'
import type { ProjectionHandler } from '../define-handler.js'
import { ReplayFailedError } from '../errors.js'
import { HandlerEffects } from '../handler-effects.js'
import { setUpBatch } from '../sql/set-up-batch.js'
import { execute } from '../table-lifecycle.js'
import type { HandlerReplayResult, ReplayOptions } from './replay-options.js'
import { replayRange } from './replay-range.js'
import type { ProjectionStore } from '../projection-store.js'

/** Somebody watches a replay, so its transactions may idle for longer than those of a projector. */
const idleMs = 60_000

/** Gives events to a handler, batch by batch, each in a transaction that is committed for `sideEffects` only. */
export async function replayHandler(
  store: ProjectionStore,
  handler: ProjectionHandler,
  options: ReplayOptions,
): Promise<HandlerReplayResult> {
  const { sideEffects = false } = options
  const effects = new HandlerEffects(store, handler)
  let events = 0
  let batches = 0
  for await (const batch of replayRange(store, handler, options)) {
    const [first, last] = [batch.events[0], batch.events.at(-1)]
    if (!first || !last) continue
    try {
      events += await handleBatch(store, effects, batch.events, sideEffects)
    } catch (error) {
      throw new ReplayFailedError(handler.name, { from: first.position, to: last.position }, error)
    }
    batches++
  }
  return { events, batches, effects: sideEffects ? 'committed' : 'rolled-back' }
}

function handleBatch(
  store: ProjectionStore,
  effects: HandlerEffects,
  events: readonly RecordedEvent[],
  sideEffects: boolean,
): Promise<number> {
  const transact = sideEffects ? inTransaction : inRolledBackTransaction
  return transact(store.pool, async (client) => {
    const database = on(store.database, client)
    await setUpBatch(database, { idleMs, commit: 'durable' })
    const handled = await effects.apply(client, events, { replay: true, sideEffects })
    // What a commit would have found wrong.
    if (!sideEffects) await execute(database, 'set constraints all immediate')
    return handled
  })
}
