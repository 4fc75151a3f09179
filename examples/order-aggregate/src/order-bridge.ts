import { defineBridge } from '@tidemark/fanout'
import { Order } from './order.js'

/** Republishes every event of every order to Kafka, in the order of each order. */
export const orderBridge = defineBridge({ name: 'orders', from: [Order], topic: 'shop.orders' })
