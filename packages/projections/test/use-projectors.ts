import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { createProjector, type AnyProjection, type Projector, type ProjectorOptions } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

/** A store of its own for a test file, and projectors on it that end with their test. */
export function useProjectors(options: ProjectorOptions) {
  const database = useStoreDatabase({ max: 20 })
  const started: Projector[] = []
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterEach(async () => {
    await Promise.all(started.splice(0).map((projector) => projector.stop()))
  })
  afterAll(() => store.close())
  return {
    database,
    get store() {
      return store
    },
    start: async (...projections: AnyProjection[]): Promise<Projector> => {
      const projector = createProjector(store, projections, options)
      started.push(projector)
      await projector.start()
      return projector
    },
    /** Waits until a projection has come to the head. */
    reached: async (projector: Projector, name: string): Promise<void> =>
      expect(await projector.waitFor(name, (await store.head()).position, { timeoutMs: 10_000 })).toBe('reached'),
  }
}
