import { defineConfig } from '@tidemark/cli'
import {
  createNotificationLog,
  customerTotals,
  Order,
  orderBridge,
  orderNotifications,
  orderSummary,
  seedOrders,
} from './src/index.js'

const basket = JSON.stringify({ customerId: 'c-001', items: [{ sku: 'tea-assam-250', quantity: 2, unitPrice: 890 }] })

export default defineConfig({
  aggregates: [Order],
  projections: [orderSummary, customerTotals],
  bridges: [orderBridge],
  consumers: [orderNotifications],
  ownTables: createNotificationLog,
  seed: (store) => seedOrders(store),
  tryThese: (url) => [
    `TOKEN=$(curl -s -o /dev/null -w '%header{consistency-token}' ${url}/v1/order/o-mine/place \\\n` +
      `  -H 'Content-Type: application/json' -d '${basket}')`,
    `curl -s ${url}/v1/order-summary/o-mine -H "Consistency-Token: $TOKEN" -H 'Prefer: wait=2'`,
    'npx tidemark projections rebuild order-summary',
  ],
})
