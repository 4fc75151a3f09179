import type { Admin } from '@platformatic/kafka'
import { BrokerUnavailableError } from '../errors.js'
import type { NewTopic } from '../kafka-producer-port.js'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { topicConfigOf } from '../topic-settings.js'
import { BoundedClient } from './bounded-client.js'
import { loadPlatformatic } from './load-platformatic.js'
import { isExistingTopic, isUnknownTopic } from './platformatic-errors.js'
import { platformaticOptionsOf } from './platformatic-options.js'

/** Few and short: whoever asks has retries of its own around them. */
const clientSettings = { retries: 2, retryDelay: 250, timeout: 10_000 } as const

/**
 * Questions about topics.
 *
 * One at a time: of topics that are created at once, the client creates the first and answers for all.
 */
export class PlatformaticAdmin {
  private bounded: Promise<BoundedClient<Admin>> | undefined
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: KafkaConnectionOptions) {}

  /** Asks something that every broker answers, to see that one does. */
  async check(): Promise<void> {
    await this.ask((admin) => admin.listApis())
  }

  partitionCount(topic: string): Promise<number | undefined> {
    return this.ask(async (admin) => {
      try {
        const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
        return topics.get(topic)?.partitionsCount
      } catch (error) {
        if (isUnknownTopic(error)) return undefined
        throw error
      }
    })
  }

  createTopic(topic: string, settings: NewTopic): Promise<void> {
    return this.ask(async (admin) => {
      const { partitions, replicationFactor: replicas } = settings
      const configs = Object.entries(topicConfigOf(settings)).map(([name, value]) => ({ name, value }))
      try {
        await admin.createTopics({ topics: [topic], partitions, replicas, configs })
      } catch (error) {
        if (!isExistingTopic(error)) throw error
      }
    })
  }

  async close(): Promise<void> {
    const { bounded } = this
    this.bounded = undefined
    await bounded?.then((each) => each.close()).catch(() => undefined)
  }

  private ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const answer = this.last.then(async () => {
      const bounded = await (this.bounded ??= this.newClient())
      try {
        return await bounded.within(1, question(bounded.client))
      } catch (error) {
        await this.close()
        throw error
      }
    })
    this.last = answer.catch(() => undefined)
    return answer
  }

  private async newClient(): Promise<BoundedClient<Admin>> {
    const { Admin } = await loadPlatformatic()
    const { brokers, requestTimeoutMs = 15_000 } = this.options
    const admin = new Admin({ ...platformaticOptionsOf(this.options), ...clientSettings })
    return new BoundedClient(admin, requestTimeoutMs, (reason) => new BrokerUnavailableError(brokers, reason))
  }
}
