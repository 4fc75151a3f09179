import { innerPrototype } from './inner-prototype.js'

/** What is used of what runs a consumer in kafkajs. */
interface Runner {
  readonly running: boolean
  fetch: (this: Runner, nodeId: number) => Promise<unknown[]>
}

/**
 * Ends the fetchers of a kafkajs consumer that is stopped while its brokers change.
 *
 * kafkajs 2.2.4 begins with fetchers for the new brokers then, after it ended those for the old ones. They find the consumer stopped, return nothing and are
 * asked again at once, for ever: no timer or answer gets its turn in the program any more, and it cannot end. With an error they end, as they do for all
 * others. This mends all of kafkajs in the program; where its inner file cannot be had, as in a bundle, it stays as it is.
 */
export function endStoppedFetchers(): void {
  const runner = innerPrototype<Runner>('consumer/runner.js', 'fetch')
  if (!runner || mended.has(runner)) return
  mended.add(runner)
  const fetch = runner.fetch
  runner.fetch = async function (this: Runner, nodeId) {
    if (!this.running) throw new Error('the consumer was stopped')
    return fetch.call(this, nodeId)
  }
}

const mended = new WeakSet<Runner>()
