import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInMemoryStore } from '../src/index.js'
import { contentsOf, operation, outcomeOf, type Operation } from './operations.js'

/** The first block of the UUIDs of a run, so that runs share a database and nothing else. */
const newRun = () => randomBytes(4).toString('hex')

describe('the store on Postgres, with the one in memory as its model', () => {
  let database: TestDatabase
  let stores: readonly [EventStore, EventStore]
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
    const pool = database.createPool()
    stores = [createEventStore(pool, { listen: false }), createEventStore(pool, { listen: false })]
  })
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await database.drop()
  })

  test('does the same with any sequence of calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), async (operations) => {
        const [run, model] = [newRun(), createInMemoryStore()]
        for (const operation of operations)
          expect(await outcomeOf(operation, stores[0], run)).toEqual(await outcomeOf(operation, model, run))
        expect(await contentsOf(stores[0], run)).toEqual(await contentsOf(model, run))
      }),
      { numRuns: 60, endOnFailure: true },
    )
  })

  test('calls at once have outcomes that some order of them has', async () => {
    const batches = fc.array(fc.array(operation, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(batches, async (operations) => {
        const run = newRun()
        const history: Operation[] = []
        for (const batch of operations) {
          const outcomes = await Promise.all(
            batch.map((operation, index) => outcomeOf(operation, stores[index % 2 === 0 ? 0 : 1], run)),
          )
          const order = await explain({ run, history, batch, outcomes, contents: await contentsOf(stores[0], run) })
          expect(order, `no order of the calls explains ${describeOutcomes(outcomes)}`).toBeDefined()
          history.push(...(order ?? []))
        }
      }),
      { numRuns: 60, endOnFailure: true },
    )
  })
})

interface Observed {
  readonly run: string
  readonly history: readonly Operation[]
  readonly batch: readonly Operation[]
  readonly outcomes: readonly unknown[]
  readonly contents: unknown
}

/** Finds an order in which the model, after the same history, answers and holds what was observed. */
async function explain({ run, history, batch, outcomes, contents }: Observed): Promise<Operation[] | undefined> {
  for (const order of ordersOf(batch.map((_, index) => index))) {
    const model = createInMemoryStore()
    for (const operation of history) await outcomeOf(operation, model, run)
    let fits = true
    for (const index of order) {
      const expected = await outcomeOf(batch[index]!, model, run)
      if (fits) fits = describeOutcomes([expected]) === describeOutcomes([outcomes[index]])
    }
    if (fits && describeOutcomes([await contentsOf(model, run)]) === describeOutcomes([contents]))
      return order.map((index) => batch[index]!)
  }
  return undefined
}

function ordersOf(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((first) => ordersOf(items.filter((item) => item !== first)).map((rest) => [first, ...rest]))
}

/**
 * Outcomes as text. An append that is refused for a version and for an id says one of them, and which one may depend on a call
 * that is stored between the two looks, so a conflict is only told from success and from other errors here.
 */
function describeOutcomes(outcomes: readonly unknown[]): string {
  const conflict = /^(VersionConflictError|EventIdConflictError): .*/
  return JSON.stringify(outcomes, (key, value: unknown) => {
    if (key === 'error' && typeof value === 'string') return value.replace(conflict, 'conflict')
    return typeof value === 'bigint' ? `${value}n` : value
  })
}
