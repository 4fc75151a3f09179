import { ProducerClosedError, type FanoutError } from '../errors.js'
import type { KafkaProducerPort, RawKafkaRecord, NewTopic } from '../kafka-producer-port.js'
import { checkBrokers, type KafkaConnectionOptions } from '../kafka-connection.js'
import { SendLane } from '../send-lane.js'
import { PlatformaticAdmin } from './platformatic-admin.js'
import { translatePlatformaticError } from './platformatic-errors.js'
import { PlatformaticSession } from './platformatic-session.js'

/**
 * A producer that publishes to Kafka by `@platformatic/kafka`, which you install beside this package: idempotent, acknowledged by
 * all in-sync replicas, one send at a time.
 *
 * It takes the options of `createKafkaProducer`, keeps the same promises, and can take its place; `logger` is not used, since the
 * client logs nothing. Nothing is connected or loaded yet. Name several brokers: metadata is asked of these only.
 *
 * @throws {BridgeConfigurationError} there is no broker to connect to; on connecting, `@platformatic/kafka` is not installed.
 *
 * @example
 * const producer = createPlatformaticProducer({ brokers: ['127.0.0.1:9092'] })
 * await producer.connect()
 */
export function createPlatformaticProducer(options: KafkaConnectionOptions): KafkaProducerPort {
  checkBrokers(options.brokers)
  return new PlatformaticProducer(options)
}

class PlatformaticProducer implements KafkaProducerPort {
  private readonly admin: PlatformaticAdmin
  private readonly lane: SendLane
  private readonly translate: (error: unknown) => FanoutError
  private closed = false

  constructor(options: KafkaConnectionOptions) {
    this.translate = (error) => translatePlatformaticError(error, options.brokers)
    this.admin = new PlatformaticAdmin(options)
    this.lane = new SendLane(() => new PlatformaticSession(options), this.translate)
  }

  async connect(): Promise<void> {
    await this.ask((admin) => admin.check())
    await this.lane.connect()
  }

  partitionCount(topic: string): Promise<number | undefined> {
    return this.ask((admin) => admin.partitionCount(topic))
  }

  createTopic(topic: string, settings: NewTopic): Promise<void> {
    return this.ask((admin) => admin.createTopic(topic, settings))
  }

  send(records: readonly RawKafkaRecord[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.lane.send(records, signal)
  }

  async disconnect(): Promise<void> {
    this.closed = true
    await Promise.all([this.lane.close(), this.admin.close()])
  }

  private async ask<T>(question: (admin: PlatformaticAdmin) => Promise<T>): Promise<T> {
    if (this.closed) throw new ProducerClosedError()
    try {
      return await question(this.admin)
    } catch (error) {
      throw this.translate(error)
    }
  }
}
