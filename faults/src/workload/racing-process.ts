import { createEventStore, EventStoreError } from '@tidemark/eventstore'
import pg from 'pg'

/** What a racing process is told: to race once on a stream, with these events, one append for each. */
export interface RaceOrder {
  readonly streamId: string
  readonly expectedVersion: number
  readonly appends: readonly { readonly id: string; readonly data: unknown }[]
}

/** How one append of a race ended. */
export interface RaceOutcome {
  readonly id: string
  readonly version?: string
  readonly error?: { readonly code: string; readonly message: string }
}

// A program: the lab forks it, and tells it what to do.
const pool = new pg.Pool({ connectionString: process.argv[2], max: 4 })
const store = createEventStore(pool, { listen: false })

async function race({ streamId, expectedVersion, appends }: RaceOrder): Promise<RaceOutcome[]> {
  return Promise.all(
    appends.map(async ({ id, data }) => {
      try {
        const { version } = await store.appendToStream(streamId, [{ id, type: 'Happened', data }], { expectedVersion })
        return { id, version: String(version) }
      } catch (error) {
        if (!(error instanceof EventStoreError)) throw error
        return { id, error: { code: error.code, message: error.message } }
      }
    }),
  )
}

process.on('message', (order: RaceOrder) => {
  void race(order).then((outcomes) => process.send?.(outcomes))
})
// The lab lets go of it, or has died.
process.once('disconnect', () => void store.close().then(() => pool.end()))
await pool.query('select 1')
process.send?.('ready')
