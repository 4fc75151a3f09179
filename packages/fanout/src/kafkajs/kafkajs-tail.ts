import type { Kafka } from 'kafkajs'
import type { TailRecord } from '../kafka-producer-port.js'
import { createCluster, type Broker, type Cluster, type FetchedPartition } from './kafkajs-cluster.js'

const partitionBytes = 1_048_576
const requestBytes = 8 * partitionBytes
const readUncommitted = 0
const readCommitted = 1

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
  const cluster = createCluster(kafka)
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
    const request = { isolationLevel: readUncommitted, maxWaitTime: 500, minBytes: 1, maxBytes: requestBytes }
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

/**
 * Reads the value of the last committed record of a partition, looking further back until one is found.
 *
 * @throws what kafkajs throws.
 */
export async function readLastCommitted(kafka: Kafka, topic: string, partition: number): Promise<Buffer | undefined> {
  const cluster = createCluster(kafka)
  await cluster.connect()
  try {
    await cluster.addMultipleTargetTopics([topic])
    // The end is that of what is committed or aborted.
    const end = (await offsetsOf(cluster, topic, [partition], { fromBeginning: false })).get(partition) ?? 0n
    const begin = (await offsetsOf(cluster, topic, [partition], { fromBeginning: true })).get(partition) ?? 0n
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    if (nodeId === undefined) throw new Error(`partition ${partition} of topic "${topic}" has no leader`)
    const broker = await cluster.findBroker({ nodeId })
    for (let count = 100n; ; count *= 10n) {
      const from = end - count > begin ? end - count : begin
      const found = await lastCommittedIn(broker, topic, { partition, next: from, end })
      if (found || from === begin) return found
    }
  } finally {
    await cluster.disconnect()
  }
}

async function lastCommittedIn(broker: Broker, topic: string, range: Range): Promise<Buffer | undefined> {
  const { partition, end } = range
  let last: Buffer | undefined
  while (range.next < end) {
    const wanted = [{ partition, fetchOffset: String(range.next), maxBytes: partitionBytes }]
    const request = { isolationLevel: readCommitted, maxWaitTime: 500, minBytes: 1, maxBytes: requestBytes }
    const { responses } = await broker.fetch({ ...request, topics: [{ topic, partitions: wanted }] })
    const fetched = responses.flatMap(({ partitions }) => partitions)[0]
    if (!fetched || fetched.messages.length === 0) break
    for (const { offset, value } of committedIn(fetched)) {
      if (BigInt(offset) >= range.next && BigInt(offset) < end) last = value ?? undefined
    }
    for (const { offset } of fetched.messages) if (BigInt(offset) >= range.next) range.next = BigInt(offset) + 1n
  }
  return last
}

/** Leaves out the records of aborted transactions, each of which reaches from its first offset to its producer's next marker. */
function committedIn({ messages, abortedTransactions }: FetchedPartition): FetchedPartition['messages'] {
  const begins = (abortedTransactions ?? []).toSorted((a, b) =>
    BigInt(a.firstOffset) < BigInt(b.firstOffset) ? -1 : 1,
  )
  const aborted = new Set<string>()
  return messages.filter(({ offset, isControlRecord, batchContext }) => {
    for (; begins[0] && BigInt(begins[0].firstOffset) <= BigInt(offset); begins.shift())
      aborted.add(begins[0].producerId)
    if (isControlRecord) aborted.delete(batchContext.producerId)
    return !isControlRecord && !(batchContext.inTransaction && aborted.has(batchContext.producerId))
  })
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

function textOf(value: Buffer | string | readonly (Buffer | string)[] | undefined): string | undefined {
  const first = Array.isArray(value)
    ? (value as readonly (Buffer | string)[])[0]
    : (value as Buffer | string | undefined)
  return first?.toString()
}
