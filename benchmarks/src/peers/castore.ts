import pg from 'pg'
import { loadPeerPackage } from './peer-packages.js'
import type { BenchEvent, Peer } from './peer.js'

interface CorePackage {
  readonly EventStore: new (options: object) => {
    pushEvent(event: object): Promise<unknown>
    getEvents(aggregateId: string): Promise<{ readonly events: readonly unknown[] }>
  }
  readonly EventType: new (options: { readonly type: string }) => object
}

interface AdapterPackage {
  readonly PostgresEventStorageAdapter: {
    new (options: { readonly connectionString: string }): object
    createEventTable(options: { readonly connectionString: string }): Promise<unknown>
  }
}

/** Castore has neither subscriptions nor projections. Its adapter has a pool of ten connections, and no option for it. */
export const castore: Peer = {
  name: 'Castore',

  async openStore(url) {
    const { EventStore, EventType } = loadPeerPackage<CorePackage>('@castore/core')
    const adapters = loadPeerPackage<AdapterPackage>('@castore/event-storage-adapter-postgres')
    const { PostgresEventStorageAdapter } = adapters
    await PostgresEventStorageAdapter.createEventTable({ connectionString: url })
    const type: BenchEvent['type'] = 'OrderPlaced'
    const store = new EventStore({
      eventStoreId: 'order',
      eventTypes: [new EventType({ type })],
      reducer: (aggregate: object) => aggregate,
      eventStorageAdapter: new PostgresEventStorageAdapter({ connectionString: url }),
    })
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    return {
      append: (aggregateId, version, { type, data: payload, metadata }) =>
        store.pushEvent({ aggregateId, version: version + 1, type, payload, metadata }),
      readStream: async (aggregateId) => (await store.getEvents(aggregateId)).events.length,
      countEvents: async () => {
        const { rows } = await pool.query<{ count: string }>('select count(*) from event')
        return Number(rows[0]?.count)
      },
      empty: async () => void (await pool.query('truncate event')),
      // The adapter cannot be closed: its connections end when the database is dropped.
      close: () => pool.end(),
    }
  },
}
