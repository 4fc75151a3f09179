import type { Kafka } from 'kafkajs'
import type { TailRecord } from '../kafka-producer-port.js'

/** What is used of the cluster inside kafkajs: its consumers can read as members of a group only, which takes a group's rights and seconds to form. */
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(node: { readonly nodeId: string }): Promise<Broker>
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number }[]
      readonly fromBeginning: boolean
    }[],
  ): Promise<readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>
}

interface Broker {
  fetch(request: {
    readonly isolationLevel: number
    readonly maxWaitTime: number
    readonly minBytes: number
    readonly maxBytes: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly {
        readonly partition: number
        readonly fetchOffset: string
        readonly maxBytes: number
      }[]
    }[]
  }): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
}

interface FetchedPartition {
  readonly partition: number
  readonly messages: readonly {
    readonly offset: string
    readonly isControlRecord?: boolean
    readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>
  }[]
}

type CreateCluster = (options: { readonly allowAutoTopicCreation: boolean }) => Cluster

const partitionBytes = 1_048_576
const requestBytes = 8 * partitionBytes

/**
 * Reads the ids of the last `count` records of each partition, up to where they end when it is called.
 *
 * @throws what kafkajs throws.
 */
export async function readKafkajsTail(
  kafka: Kafka,
  topic: string,
  partitions: readonly number[],
  count: number,
): Promise<TailRecord[]> {
  const cluster = createClusterOf(kafka)({ allowAutoTopicCreation: false })
  await cluster.connect()
  try {
    await cluster.addMultipleTargetTopics([topic])
    const ends = await offsetsOf(cluster, topic, partitions, { fromBeginning: false })
    const begins = await offsetsOf(cluster, topic, partitions, { fromBeginning: true })
    const found: TailRecord[] = []
    for (const [nodeId, led] of Object.entries(cluster.findLeaderForPartitions(topic, partitions))) {
      const broker = await cluster.findBroker({ nodeId })
      const ranges = led.map((partition) => {
        const [begin = 0n, end = 0n] = [begins.get(partition), ends.get(partition)]
        const from = end - BigInt(count)
        return { partition, next: from > begin ? from : begin, end }
      })
      await readRanges(broker, topic, ranges, found)
    }
    return found
  } finally {
    await cluster.disconnect()
  }
}

interface Range {
  readonly partition: number
  next: bigint
  end: bigint
}

async function readRanges(broker: Broker, topic: string, ranges: readonly Range[], found: TailRecord[]): Promise<void> {
  for (;;) {
    const open = ranges.filter(({ next, end }) => next < end)
    if (open.length === 0) return
    const wanted = open.map(({ partition, next }) => ({
      ...{ partition, fetchOffset: String(next), maxBytes: partitionBytes },
    }))
    const request = { isolationLevel: 0, maxWaitTime: 500, minBytes: 1, maxBytes: requestBytes }
    const { responses } = await broker.fetch({ ...request, topics: [{ topic, partitions: wanted }] })
    const fetched = responses.flatMap(({ partitions }) => partitions)
    // Partitions come in random order, and those that found no room in the answer come empty.
    const isEmpty = fetched.every(({ messages }) => messages.length === 0)
    for (const range of open) {
      const { messages = [] } = fetched.find(({ partition }) => partition === range.partition) ?? {}
      for (const { offset, headers, isControlRecord } of messages) {
        const place = BigInt(offset)
        // A batch comes as a whole, also when it begins earlier.
        if (place < range.next || place >= range.end) continue
        range.next = place + 1n
        const [id, source] = [textOf(headers?.['ce_id']), textOf(headers?.['ce_source'])]
        if (!isControlRecord && id !== undefined && source !== undefined)
          found.push({ partition: range.partition, id, source })
      }
      // What is left was deleted meanwhile.
      if (isEmpty) range.end = range.next
    }
  }
}

async function offsetsOf(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  { fromBeginning }: { readonly fromBeginning: boolean },
): Promise<Map<number, bigint>> {
  const wanted = partitions.map((partition) => ({ partition }))
  const topics = await cluster.fetchTopicsOffset([{ topic, partitions: wanted, fromBeginning }])
  return new Map(
    topics.flatMap((each) => each.partitions.map(({ partition, offset }) => [partition, BigInt(offset)] as const)),
  )
}

function createClusterOf(kafka: Kafka): CreateCluster {
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create = name && (kafka as unknown as Readonly<Record<symbol, unknown>>)[name]
  if (typeof create !== 'function') throw new Error('this release of kafkajs has no cluster that can be read by')
  return create as CreateCluster
}

function textOf(value: Buffer | string | readonly (Buffer | string)[] | undefined): string | undefined {
  const first = Array.isArray(value)
    ? (value as readonly (Buffer | string)[])[0]
    : (value as Buffer | string | undefined)
  return first?.toString()
}
