import type { Database, Logger } from '@tidemark/eventstore'
import { BatchTooLargeError } from '../errors.js'
import type { KafkaProducerPort, RawKafkaRecord } from '../kafka-producer-port.js'
import { bytesHeader } from './decode-record.js'
import {
  deadLetterHeaders,
  originalPlaceOf,
  retryHeaders,
  retryTopicHeaders,
  smallerLetters,
} from './dead-letter-headers.js'
import type { ConsumerDefinition, DeadLetter } from './define-consumer.js'
import type { ConsumedRecord } from './kafka-consumer-port.js'
import { retryTopicOf } from './retry-topics.js'
import { insertDeadLetter } from './sql/insert-dead-letter.js'

/** Where a record went that could not be handled; `nowhere` when its partition has to halt. */
export type SetAside = 'retry-topic' | 'dead-letter' | 'nowhere'

/** Sends records that failed to retry topics and dead-letter topics, each acknowledged before its offset is committed. */
export class DeadLetters {
  constructor(
    private readonly definition: ConsumerDefinition,
    private readonly producer: KafkaProducerPort,
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /**
   * Sets a record aside, in the partition that it came from.
   *
   * @param again whether another try may succeed, so that a retry topic is of use.
   * @throws {BatchTooLargeError} the dead-letter topic does not even take the letter without the record's value.
   */
  async setAside(record: ConsumedRecord, error: unknown, again: boolean): Promise<SetAside> {
    if (again && (await this.sendToRetryTopic(record))) return 'retry-topic'
    const { deadLetter } = this.definition
    if (!deadLetter) return 'nowhere'
    const place = originalPlaceOf(record)
    const topic = `${place.topic}${deadLetter.suffix}`
    const { key, value } = record
    const headers = deadLetterHeaders(record, this.definition.group, error)
    await this.sendLetter({ topic, partition: place.partition, key, value, headers })
    const failure = error instanceof Error ? error : new Error(String(error))
    const letter: DeadLetter = { consumer: this.definition.name, topic, record, error: failure }
    this.logger.warn(
      { consumer: letter.consumer, ...place, offset: String(place.offset), err: failure },
      'a dead letter',
    )
    if (deadLetter.table) await insertDeadLetter(this.database, letter, place)
    await this.tell(letter)
    return 'dead-letter'
  }

  private async sendLetter(letter: RawKafkaRecord): Promise<void> {
    let refused: unknown
    for (const smaller of [letter, ...smallerLetters(letter)]) {
      try {
        return await this.producer.send([smaller])
      } catch (error) {
        if (!(error instanceof BatchTooLargeError)) throw error
        refused = error
      }
    }
    throw refused
  }

  /** Which try of a record the next one is, with those in retry topics. */
  attemptOf(record: ConsumedRecord, failures: number): number {
    return attemptsBefore(record) + failures + 1
  }

  private async sendToRetryTopic(record: ConsumedRecord): Promise<boolean> {
    const { retry, group } = this.definition
    const place = originalPlaceOf(record)
    const topics = retry.topicsAfterMs.map((delayMs) => retryTopicOf(place.topic, delayMs))
    const index = topics.indexOf(record.topic) + 1
    const topic = topics[index]
    const delayMs = retry.topicsAfterMs[index]
    if (topic === undefined || delayMs === undefined) return false
    const attempts = attemptsBefore(record) + retry.attempts
    const headers = retryTopicHeaders(record, group, { attempts, dueAt: Date.now() + delayMs })
    const { key, value } = record
    try {
      await this.producer.send([{ topic, partition: place.partition, key, value, headers }])
      return true
    } catch (error) {
      // The topic takes less than the original one does, so no try in it will ever be.
      if (error instanceof BatchTooLargeError) return false
      throw error
    }
  }

  private async tell(letter: DeadLetter): Promise<void> {
    try {
      await this.definition.deadLetter?.onDeadLetter?.(letter)
    } catch (error) {
      this.logger.error(
        { consumer: letter.consumer, err: error },
        'onDeadLetter failed; the dead letter is where it belongs',
      )
    }
  }
}

function attemptsBefore(record: ConsumedRecord): number {
  const bytes = bytesHeader(record, retryHeaders.attempts)
  return bytes?.length === 4 ? bytes.readInt32BE() : 0
}
