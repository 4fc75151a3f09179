import type { EventRecord } from './record-of-event.js'

/** What one request may have for all partitions of a broker together: brokers close the connection at `socket.request.max.bytes`, 100 MiB unless set. */
const maxRequestBytes = 32 * 1_048_576

/**
 * Cuts records into groups that are sent one after the other, in their order.
 *
 * Kafka's limit holds for all records of a partition in one request together, since they travel as one record batch: no group has
 * more than `maxMessageBytes` for a partition, nor more in all than brokers take in a request, nor of more than one topic where that is asked for. What has been acknowledged after each group is a
 * prefix of the records.
 */
export function sendGroups(
  records: readonly EventRecord[],
  maxMessageBytes: number,
  { oneTopic = false }: { readonly oneTopic?: boolean } = {},
): EventRecord[][] {
  const groups: EventRecord[][] = []
  let group: EventRecord[] = []
  let sizes = new Map<string, number>()
  let total = 0
  for (const each of records) {
    const lane = `${each.record.topic}/${each.record.partition}`
    const size = (sizes.get(lane) ?? 0) + each.bytes
    const isOther = oneTopic && group[0]?.record.topic !== each.record.topic
    // One that is above the limit by itself goes alone: if it is refused, it is known at once which one it was.
    const isTooLarge =
      size > maxMessageBytes || total + each.bytes > maxRequestBytes || (group[0]?.bytes ?? 0) > maxMessageBytes
    if ((isTooLarge || isOther) && group.length > 0) {
      groups.push(group)
      group = []
      sizes = new Map([[lane, each.bytes]])
      total = 0
    } else {
      sizes.set(lane, size)
    }
    group.push(each)
    total += each.bytes
  }
  if (group.length > 0) groups.push(group)
  return groups
}
