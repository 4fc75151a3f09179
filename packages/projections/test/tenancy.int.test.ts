import { createEventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { expect, test } from 'vitest'
import { createProjector, ProjectionDefinitionError, rebuildProjection, replay } from '../src/index.js'
import { orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase()

test('a read model, which would mix tenants, is refused in a store that has them', async () => {
  await migrate(database.directUrl, { tenancy: true })
  const store = createEventStore(database.pool, { listen: false })
  const projector = createProjector(store, [orderSummary])
  await expect(projector.start()).rejects.toThrow(/belong to tenants/)
  await expect(rebuildProjection(store, orderSummary)).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await expect(replay(store, orderSummary)).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await projector.stop()
  await store.close()
})
