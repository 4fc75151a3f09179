import { createEventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import { afterAll, beforeAll } from 'vitest'

/** A migrated database of its own for a test file, with some counters in it. */
export function useCounterDatabase(counters = 3): {
  readonly url: string
  add(id: string, amount: number): Promise<void>
} {
  let database: Awaited<ReturnType<typeof createTestDatabase>> | undefined
  const add = async (id: string, amount: number) => {
    const pool = database!.createPool({ max: 1 })
    const store = createEventStore(pool, { listen: false })
    const event = { type: 'Added', data: { amount } }
    await store.appendToStream(`counter-${id}`, [event], { expectedVersion: 'any' })
    await store.close()
    await pool.end()
  }
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
    for (let index = 1; index <= counters; index++) await add(String(index), index)
  })
  afterAll(() => database?.drop())
  return {
    get url() {
      return database!.url
    },
    add,
  }
}
