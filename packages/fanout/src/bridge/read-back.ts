import type { Logger } from '@tidemark/eventstore'
import type { KafkaProducerPort } from '../kafka-producer-port.js'
import type { EventRecord } from './record-of-event.js'

export interface ReadBackOptions {
  readonly bridge: string
  readonly producer: KafkaProducerPort
  /** How many records of the end of each partition are read; at least the largest batch that was ever in flight. */
  readonly count: number
  readonly logger: Logger
}

/**
 * What was published behind the checkpoint already, by whoever ran the bridge before: it was acknowledged, and the checkpoint did not move any more.
 *
 * A record is left out only where its own id and source were read in its own partition. A position tells nothing: other bridges and replays may share
 * a topic, and positions are used again after a restore.
 */
export class ReadBack {
  private readonly found = new Set<string>()
  private readonly read = new Set<string>()
  /** How many more events may have been in flight. */
  private left: number

  constructor(private readonly options: ReadBackOptions) {
    this.left = options.producer.readTail ? options.count : 0
  }

  /** The records that are not there yet, as far as one looks back. Partitions are read as records for them come. */
  async unsent(records: readonly EventRecord[]): Promise<readonly EventRecord[]> {
    if (this.left <= 0 || records.length === 0) return records
    await this.readTails(records)
    this.left -= records.length
    const unsent = records.filter((each) => !this.found.has(nameOf(each)))
    if (unsent.length < records.length) {
      const { bridge, logger } = this.options
      logger.info(
        { bridge, records: records.length - unsent.length },
        'records were published before the checkpoint moved',
      )
    }
    return unsent
  }

  private async readTails(records: readonly EventRecord[]): Promise<void> {
    const { bridge, producer, count, logger } = this.options
    const wanted = new Map<string, Set<number>>()
    for (const { record } of records) {
      const { topic, partition } = record
      if (this.read.has(`${topic}/${partition}`)) continue
      this.read.add(`${topic}/${partition}`)
      const partitions = wanted.get(topic)
      if (partitions) partitions.add(partition)
      else wanted.set(topic, new Set([partition]))
    }
    for (const [topic, partitions] of wanted) {
      const tail = await producer.readTail?.(topic, [...partitions], count)
      for (const { partition, id, source } of tail ?? []) this.found.add(`${topic}/${partition} ${source} ${id}`)
      if (!tail) logger.warn({ bridge, topic }, 'the topic cannot be read, so records may be published twice')
    }
  }
}

function nameOf({ record: { topic, partition, headers } }: EventRecord): string {
  return `${topic}/${partition} ${headers['ce_source']} ${headers['ce_id']}`
}
