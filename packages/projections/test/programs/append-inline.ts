// Run by tests as a process of its own, to be killed: appends to ten orders, with the ledger inline.
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { inlineProjections } from '../../src/index.js'
import { Order } from '../order.js'
import { orderLedger, placed } from '../order-ledger.js'

const [url] = process.argv.slice(2) as [string]
const pool = new pg.Pool({ connectionString: url })
const store = createEventStore(pool, { listen: false, inline: inlineProjections([orderLedger]) })
await Promise.all(
  Array.from({ length: 16 }, async (_, caller) => {
    for (let n = 0; ; n++) {
      await store.append(Order, `k-${(caller + n) % 10}`, [placed()], { expectedVersion: 'any' })
    }
  }),
)
