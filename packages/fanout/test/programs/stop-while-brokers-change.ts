// Run by a test as a process of its own, since a wrong version never gives it back: stops a consumer of kafkajs while its brokers change.
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { endStoppedFetchers } from '../../src/kafkajs/end-stopped-fetchers.js'

interface Runner {
  start(): Promise<void>
  stop(): Promise<void>
}
type RunnerClass = new (options: object) => Runner

endStoppedFetchers()
const Runner = createRequire(import.meta.url)('kafkajs/src/consumer/runner.js') as RunnerClass
const nothing = () => undefined
const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing, namespace: (): object => quiet }
let brokers = [1, 2]
const runner = new Runner({
  logger: quiet,
  instrumentationEmitter: { emit: nothing },
  concurrency: 1,
  heartbeatInterval: 3000,
  onCrash: (error: unknown) => process.stdout.write(`crashed: ${String(error)}\n`),
  consumerGroup: {
    connect: () => Promise.resolve(),
    joinAndSync: () => Promise.resolve(),
    heartbeat: () => Promise.resolve(),
    leave: () => Promise.resolve(process.stdout.write('left\n')),
    getNodeIds: () => brokers,
    // The second broker answers at once, and so its fetcher finds first that there is another set of brokers.
    fetch: (broker: number) => sleep(broker === 1 ? 500 : 10, []),
  },
})
await runner.start()
await sleep(50)
brokers = [1]
await sleep(100)
await runner.stop()
process.stdout.write('stopped\n')
