import { innerPrototype } from './inner-prototype.js'

/** What is used of the queue that each connection of kafkajs has. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

/**
 * Keeps the connections of kafkajs from waking the program a thousand times a second each.
 *
 * kafkajs 2.2.4 looks again for requests to send in the time until its throttle ends, which is in the past for a connection that is not throttled: so
 * after one millisecond, for ever. There is something to look for only while requests wait. This mends all of kafkajs in the program; where its
 * inner file cannot be had, as in a bundle, it stays as it is.
 */
export function quietIdleConnections(): void {
  const queue = innerPrototype<RequestQueue>('network/requestQueue/index.js', 'scheduleCheckPendingRequests')
  if (!queue || quiet.has(queue)) return
  quiet.add(queue)
  const schedule = queue.scheduleCheckPendingRequests
  queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this)
  }
}

const quiet = new WeakSet<RequestQueue>()
