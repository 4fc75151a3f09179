import {
  createBridge,
  createKafkaProducer,
  createSchemaRegistryClient,
  createSchemaRegistrySerializer,
  FanoutError,
  type KafkaProducerPort,
  type RunBridgeOptions,
} from '@tidemark/fanout'
import { bridgeOf, type BridgeChoice } from './bridge-choice.js'
import { changeProducer } from './change-producer.js'
import { dismissed, openStore, readOrder, tell, type LabOrder } from './lab-program.js'
import { Account } from './ledger.js'

/** What a process is started for. */
export interface BridgeOrder extends LabOrder, BridgeChoice {
  readonly brokers: readonly string[]
  /** As they go to `createBridge`. */
  readonly options: Omit<RunBridgeOptions, 'producer' | 'serializer' | 'logger' | 'owner'>
  /** How long a broker may take to answer, in ms. */
  readonly requestTimeoutMs?: number
}

/** What a process tells: that it has started, that a send has failed, how much memory it has, and how it ended. */
export type BridgeNews =
  | { readonly kind: 'started' }
  | { readonly kind: 'send-failed' }
  | { readonly kind: 'memory'; readonly bytes: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

// A program: the lab forks it, and kills or stops it.
const order = readOrder<BridgeOrder>()
const { brokers, options, registryUrl, requestTimeoutMs } = order
const { store, mutant } = openStore(order)
const registry = registryUrl === undefined ? undefined : createSchemaRegistryClient({ url: registryUrl, retries: 1 })
const bridge = createBridge(store, bridgeOf(order), {
  ...options,
  ...(registry && {
    serializer: createSchemaRegistrySerializer({
      registry,
      aggregates: [Account],
      format: 'avro',
      namespace: 'faults',
    }),
  }),
  owner: String(process.pid),
  producer: newProducer,
})

/** One for each lane; the bridge disconnects them. */
function newProducer(): KafkaProducerPort {
  const kafkajs = createKafkaProducer({ brokers, ...(requestTimeoutMs !== undefined && { requestTimeoutMs }) })
  return tellFailures(mutant?.wrapProducer?.(kafkajs) ?? kafkajs)
}

/** Each send that the bridge takes for failed may be written, and sent again. */
function tellFailures(inner: KafkaProducerPort): KafkaProducerPort {
  return changeProducer(inner, {
    async send(records, sendOptions) {
      try {
        await inner.send(records, sendOptions)
      } catch (error) {
        await tell<BridgeNews>({ kind: 'send-failed' })
        throw error
      }
    },
  })
}

setInterval(() => void tell<BridgeNews>({ kind: 'memory', bytes: process.memoryUsage.rss() }), 250).unref()
try {
  await bridge.start()
  await tell<BridgeNews>({ kind: 'started' })
  await dismissed
  await bridge.stop()
  await tell<BridgeNews>({ kind: 'done' })
} catch (error) {
  if (!(error instanceof FanoutError)) throw error
  await tell<BridgeNews>({ kind: 'failed', code: error.code, message: error.message })
}
await store.close()
process.exit(0)
