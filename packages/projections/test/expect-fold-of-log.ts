import type { EventStore } from '@tidemark/eventstore'
import { expect } from 'vitest'
import { RowFold } from '../src/fold-rows.js'
import { orderLedger } from './order-ledger.js'
import { rowsOf } from './order-log.js'

/** Compares the rows with a fold of the whole log, and gives how many there are. */
export async function expectFoldOfLog(store: EventStore): Promise<number> {
  const fold = new RowFold(orderLedger)
  const rows = new Map()
  const events = []
  for await (const event of store.walkLog({ categories: ['order'] })) events.push(event)
  fold.apply(fold.plan(events), rows)
  const expected = [...rows.values()].filter((row) => row !== null)
  expected.sort((a, b) => (a.orderId < b.orderId ? -1 : 1))
  expect(await rowsOf(store, orderLedger)).toEqual(expected)
  return expected.length
}
