import { randomUUID } from 'node:crypto'
import { EventStoreError, inTransaction, type EventStore } from '@tidemark/eventstore'
import type { HistoryWriter } from '../history/history-writer.js'
import type { Random } from '../random.js'
import { eventMaker } from './new-events.js'
import { pause } from './pause.js'
import { recordedAppend } from './recorded-append.js'

/** A caller of the store. */
export interface StoreWriterOptions {
  readonly caller: string
  readonly store: EventStore
  readonly history: HistoryWriter
  readonly random: Random
  /** How long its own transactions stay open at most. */
  readonly longestPauseMs: number
  readonly signal: AbortSignal
}

class RolledBackOnPurpose extends Error {}

/**
 * Appends through the store: mostly single calls, each on the version that the last one left, sometimes in a transaction of its own
 * that writes two streams, and is rolled back now and then.
 */
export async function runStoreWriter(options: StoreWriterOptions): Promise<void> {
  const { caller, store, history, random, longestPauseMs, signal } = options
  const make = eventMaker(caller)
  const streamId = `store-${caller}`
  let version = 0n
  while (!signal.aborted) {
    if (random.chance(0.2)) {
      await appendTwoStreams()
    } else {
      const events = make(random.chance(0.2) ? random.integer(2, 40) : 1)
      const intent = { caller, streamId, expectedVersion: String(version), events }
      const result = await recordedAppend(history, intent, () =>
        store.appendToStream(streamId, events, { expectedVersion: version }),
      )
      if (result instanceof EventStoreError) await readVersionAgain()
      else version = result.version
    }
    await pause(random.next() * 20)
  }

  async function appendTwoStreams(): Promise<void> {
    const batch = randomUUID()
    const parts = ['left', 'right'].map((side) => ({
      streamId: `${side}-${caller}`,
      events: make(random.integer(1, 5)),
    }))
    const startedMs = history.now()
    const take = (outcome: 'ok' | 'fail' | 'unknown') => {
      for (const { streamId, events } of parts) {
        const endedMs = history.now()
        history.add({
          kind: 'append',
          outcome,
          caller,
          startedMs,
          endedMs,
          streamId,
          expectedVersion: 'any',
          batch,
          events,
        })
      }
    }
    let committing = false
    try {
      await inTransaction(store.pool, async (transaction) => {
        for (const { streamId, events } of parts) {
          await store.appendToStream(streamId, events, { expectedVersion: 'any', transaction })
          await pause((random.next() * longestPauseMs) / 4)
        }
        if (random.chance(0.05)) throw new RolledBackOnPurpose()
        committing = true
      })
      store.notifyAppended()
      take('ok')
    } catch {
      // Whatever broke before COMMIT was sent undid everything; after that nobody knows.
      take(committing ? 'unknown' : 'fail')
    }
  }

  async function readVersionAgain(): Promise<void> {
    try {
      const [last] = await store.readStream(streamId, { direction: 'backwards', limit: 1 })
      version = last?.version ?? 0n
    } catch {
      await pause(50)
    }
  }
}
