import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import { createEventStore, inTransaction } from '@tidemark/eventstore'
import { describeEventStore } from '../src/contracts.js'

describeEventStore('the store on Postgres', async () => {
  const database = await createTestDatabase({ template: databaseTemplate })
  const pool = database.createPool()
  return {
    store: createEventStore(pool, { pollIntervalMs: 100 }),
    other: createEventStore(pool, { pollIntervalMs: 100 }),
    inTransaction: (work) => inTransaction(pool, work),
    close: () => database.drop(),
  }
})
