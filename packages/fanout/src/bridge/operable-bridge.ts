import type { EventStore, LogFilter } from '@tidemark/eventstore'
import type { KafkaAdminPort } from '../kafka-admin-port.js'
import type { KafkaProducerPort } from '../kafka-producer-port.js'
import type { ParkedRecord, ParkedRecordPage, ParkedRecordSelection } from '../sql/select-parked-records.js'
import type { RunBridgeOptions } from './bridge.js'
import type { SendOptions } from './bridge-options.js'
import { listBridges, type BridgeStatus, type ListBridgesOptions } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'
import { drainBridge, type Drained, type DrainBridgeOptions } from './drain-bridge.js'
import { listParkedRecords } from './list-parked-records.js'
import { pauseBridge, resumeBridge } from './pause-bridge.js'
import { replayToTopic, type ReplayedToTopic, type ReplayToTopicOptions } from './replay-to-topic.js'
import { retryParkedRecords, type RetriedKey, type RetryParkedRecordsOptions } from './retry-parked-records.js'

export interface OperableBridgeOptions extends Omit<SendOptions, 'producer'> {
  /** Makes a producer for each retry and replay, which disconnects it; without it neither can be done. */
  readonly producer?: () => KafkaProducerPort
  /** Makes what a drain asks Kafka by, which disconnects it; without it, or without `producer`, the bridge cannot be drained. */
  readonly admin?: () => KafkaAdminPort
}

/** A bridge as tools look at it and change it, whichever processes run it. */
export interface OperableBridge {
  readonly name: string
  readonly filter: LogFilter
  readonly topics: readonly string[]
  status(options?: ListBridgesOptions): Promise<BridgeStatus>
  pause(reason: string): Promise<boolean>
  resume(): Promise<boolean>
  parked(page: ParkedRecordPage & Omit<ParkedRecordSelection, 'bridge'>): Promise<readonly ParkedRecord[]>
  retry?(options: Pick<RetryParkedRecordsOptions, 'keys' | 'signal'>): Promise<readonly RetriedKey[]>
  replay?(options: Omit<ReplayToTopicOptions, keyof SendOptions>): Promise<ReplayedToTopic>
  drain?(options: Omit<DrainBridgeOptions, keyof RunBridgeOptions | 'admin'>): Promise<Drained>
}

/**
 * Makes of a definition what the admin API of `@tidemark/api` takes as one of its `bridges`.
 *
 * @example
 * const bridges = [operableBridge(store, orders, { producer: () => createKafkaProducer({ brokers }) })]
 */
export function operableBridge(
  store: EventStore,
  definition: BridgeDefinition,
  { producer, admin, ...sending }: OperableBridgeOptions = {},
): OperableBridge {
  const { name, filter, topics } = definition
  const withProducer = async <T>(create: () => KafkaProducerPort, work: (made: KafkaProducerPort) => Promise<T>) => {
    const made = create()
    try {
      return await work(made)
    } finally {
      await made.disconnect()
    }
  }
  return {
    ...{ name, filter, topics },
    status: async (options) => {
      const [status] = await listBridges(store, [definition], options)
      if (!status) throw new Error(`bridge "${name}" has no status`)
      return status
    },
    pause: (reason) => pauseBridge(store, name, reason),
    resume: () => resumeBridge(store, name),
    parked: ({ limit, after, ...selection }) =>
      listParkedRecords(store, { bridge: name, ...selection }, { limit, ...(after !== undefined && { after }) }),
    ...(producer && {
      retry: (options) =>
        withProducer(producer, (made) =>
          retryParkedRecords(store, definition, { ...sending, ...options, producer: made }),
        ),
      replay: (options) =>
        withProducer(producer, (made) => replayToTopic(store, definition, { ...sending, ...options, producer: made })),
    }),
    ...(producer &&
      admin && {
        drain: async (options) => {
          const made = admin()
          try {
            return await drainBridge(store, definition, { ...sending, ...options, producer, admin: made })
          } finally {
            await made.disconnect()
          }
        },
      }),
  }
}
