// Run by tests as a process of its own, to be killed in the middle of a rebuild that it was asked for.
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { createServer } from '../../src/index.js'
import { Order, orderSummary } from '../order.js'

const [url = ''] = process.argv.slice(2)
const store = createEventStore(new pg.Pool({ connectionString: url }), { listen: false })
const app = createServer({
  ...{ store, aggregates: [Order], projections: [orderSummary] },
  admin: { operationLeaseMs: 1000, operationPollMs: 50 },
})
await app.inject({
  ...{ method: 'POST', url: '/admin/v1/projections/order-summary/rebuild' },
  payload: { reason: 'a process that is killed' },
})
