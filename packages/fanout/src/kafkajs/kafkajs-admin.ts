import type { Admin, Kafka } from 'kafkajs'
import type { KafkaAdminPort, PartitionOffset } from '../kafka-admin-port.js'
import { checkBrokers, type KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkajsClient } from './kafkajs-client.js'
import { isUnknownTopic, translateKafkajsError } from './kafkajs-errors.js'

/**
 * Looks at topics and consumer groups by kafkajs. Nothing is connected before it is asked.
 *
 * @throws {BridgeConfigurationError} there is no broker to connect to.
 *
 * @example
 * const admin = createKafkaAdmin({ brokers: ['127.0.0.1:9092'] })
 * console.log(await admin.committedOffsets('shipping', 'order.events'))
 */
export function createKafkaAdmin(options: KafkaConnectionOptions): KafkaAdminPort {
  checkBrokers(options.brokers)
  return new KafkajsAdmin(options)
}

class KafkajsAdmin implements KafkaAdminPort {
  private readonly connection: KafkajsAdminConnection

  constructor(options: KafkaConnectionOptions) {
    this.connection = new KafkajsAdminConnection(createKafkajsClient(options), options.brokers)
  }

  async endOffsets(topic: string): Promise<readonly PartitionOffset[] | undefined> {
    return this.connection.use(async (admin) => {
      try {
        const offsets = await admin.fetchTopicOffsets(topic)
        const filled = offsets.filter(({ low, high }) => low !== high)
        return filled.map(({ partition, high }) => ({ partition, offset: BigInt(high) }))
      } catch (error) {
        if (isUnknownTopic(error)) return undefined
        throw error
      }
    })
  }

  async committedOffsets(group: string, topic: string): Promise<readonly PartitionOffset[]> {
    return this.connection.use(async (admin) => {
      const topics = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      const partitions = topics.find((each) => each.topic === topic)?.partitions ?? []
      // Kafka says -1 where nothing was committed.
      return partitions
        .map(({ partition, offset }) => ({ partition, offset: BigInt(offset) }))
        .filter(({ offset }) => offset >= 0n)
    })
  }

  disconnect(): Promise<void> {
    return this.connection.close()
  }
}

/** An admin of kafkajs that is connected when it is needed, and made anew after an error. */
export class KafkajsAdminConnection {
  private admin: Promise<Admin> | undefined

  constructor(
    private readonly kafka: Kafka,
    private readonly brokers: readonly string[],
  ) {}

  async use<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const connected = (this.admin ??= this.connect())
    try {
      return await work(await connected)
    } catch (error) {
      if (this.admin === connected) this.admin = undefined
      void connected.then((admin) => admin.disconnect()).catch(() => undefined)
      throw translateKafkajsError(error, this.brokers)
    }
  }

  async close(): Promise<void> {
    const { admin } = this
    this.admin = undefined
    await admin?.then((each) => each.disconnect()).catch(() => undefined)
  }

  private async connect(): Promise<Admin> {
    const admin = this.kafka.admin()
    await admin.connect()
    return admin
  }
}
