import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createProjector, type Projector } from '@tidemark/projections'
import { createTestDatabase } from '@tidemark/test-servers'
import type { Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { customerTotals, orderSummary } from '../src/index.js'

interface Shop {
  readonly store: EventStore
  readonly pool: Pool
  readonly projector: Projector
  /** Waits until both read models show everything that was appended. */
  caughtUp(): Promise<void>
}

/** A store of its own for a test file, with both read models running. */
export function useShop(): Shop {
  const state: { shop?: Omit<Shop, 'caughtUp'>; close?: () => Promise<void> } = {}
  beforeAll(async () => {
    const database = await createTestDatabase({ template: databaseTemplate })
    const pool = database.createPool()
    const store = createEventStore(pool)
    const projector = createProjector(store, [orderSummary, customerTotals])
    await projector.start()
    state.shop = { store, pool, projector }
    state.close = async () => {
      await projector.stop()
      await store.close()
      await database.drop()
    }
  })
  afterAll(() => state.close?.())
  return {
    get store() {
      return state.shop!.store
    },
    get pool() {
      return state.shop!.pool
    },
    get projector() {
      return state.shop!.projector
    },
    async caughtUp() {
      const { store, projector } = state.shop!
      const { position } = await store.head()
      for (const { name } of [orderSummary, customerTotals]) {
        const outcome = await projector.waitFor(name, position, { timeoutMs: 20_000 })
        if (outcome !== 'reached') throw new Error(`${name} is ${outcome}`)
      }
    },
  }
}
