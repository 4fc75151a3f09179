import type { EventRecord } from './record-of-event.js'

/**
 * Cuts records into groups that are sent one after the other, in their order.
 *
 * Kafka's limit holds for all records of a partition in one request together, since they travel as one record batch: no group has
 * more than `maxMessageBytes` for a partition, nor of more than one topic where that is asked for. What has been acknowledged after each group is a
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
  for (const each of records) {
    const lane = `${each.record.topic}/${each.record.partition}`
    const size = (sizes.get(lane) ?? 0) + each.bytes
    const isOther = oneTopic && group[0]?.record.topic !== each.record.topic
    if ((size > maxMessageBytes || isOther) && group.length > 0) {
      groups.push(group)
      group = []
      sizes = new Map([[lane, each.bytes]])
    } else {
      sizes.set(lane, size)
    }
    group.push(each)
  }
  if (group.length > 0) groups.push(group)
  return groups
}
