import { runKafkaTool } from '@tidemark/test-servers'
import type { EventStore, RecordedEvent } from '@tidemark/eventstore'
import kafkajs from 'kafkajs'
import type { PublishedRecord } from '../src/index.js'

/** A record as the Java console consumer printed it. */
export interface PrintedRecord extends PublishedRecord {
  readonly headers: string
  readonly value: string
}

const printed = ['headers', 'key', 'partition'].flatMap((part) => ['--property', `print.${part}=true`])

/** Prints bytes that are not printable ASCII as `\xNN`. */
const asBytes = ['headers', 'key', 'value'].flatMap((part) => [
  '--property',
  `${part}.deserializer=org.apache.kafka.common.serialization.BytesDeserializer`,
])

interface ReadTopicOptions {
  readonly count?: number
  readonly idleMs?: number
  /** Key, value and headers byte by byte. */
  readonly bytes?: boolean
  /** Only what was committed. */
  readonly committed?: boolean
}

/** Reads a topic to its end with Kafka's own console consumer; it ends when nothing came for `idleMs`. */
export async function readTopic(
  brokers: string,
  topic: string,
  { count, idleMs = 20_000, bytes = false, committed = false }: ReadTopicOptions = {},
): Promise<PrintedRecord[]> {
  const end = ['--timeout-ms', String(idleMs), ...(count === undefined ? [] : ['--max-messages', String(count)])]
  const { stdout } = await runKafkaTool(brokers, 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--topic', topic, '--from-beginning', ...end, ...printed, ...(bytes ? asBytes : [])],
    ...(committed ? ['--isolation-level', 'read_committed'] : []),
  ])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [partition = '', headers = '', key = '', value = ''] = line.split('\t')
      return {
        topic,
        partition: Number(/^Partition:(\d+)$/.exec(partition)?.[1]),
        key,
        headers,
        value,
        eventId: /(?:^|,)ce_id:([^,]+)/.exec(headers)?.[1] ?? 'none',
        streamVersion: BigInt(/(?:^|,)ce_streamversion:(\d+)/.exec(headers)?.[1] ?? 0),
      }
    })
}

/** Reads everything that a topic holds now, without waiting for more. */
export async function readWholeTopic(
  brokers: string,
  topic: string,
  options: { readonly bytes?: boolean } = {},
): Promise<PrintedRecord[]> {
  const admin = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  // Only how many there are: who reads them is not the producer's library. One too few would leave out the last.
  const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect())
  const count = ends.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
  return count === 0 ? [] : readTopic(brokers, topic, { ...options, count })
}

/** Everything in the log, in order. */
export async function readLog(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for (let atHead = false; !atHead;) {
    const batch = await store.log.read({ after: events.at(-1)?.position ?? 0n, limit: 5000 })
    events.push(...batch.events)
    atHead = batch.atHead
  }
  return events
}
