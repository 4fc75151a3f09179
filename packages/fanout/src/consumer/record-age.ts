import type { Admin } from 'kafkajs'

/** A record that nobody has handled yet. */
export interface UnhandledRecord {
  readonly partition: number
  readonly offset: bigint
}

const longestMs = 366 * 86_400_000
const exactMs = 50

/**
 * How long ago records of a topic were written, in milliseconds, within about 5 %; by partition.
 *
 * The broker tells the first offset at or after a time, so the time of an offset is searched for: no record has to be read, and no
 * group is joined. Beyond a year it is a year.
 */
export async function recordAges(
  admin: Pick<Admin, 'fetchTopicOffsetsByTimestamp'>,
  topic: string,
  records: readonly UnhandledRecord[],
  now = Date.now(),
): Promise<ReadonlyMap<number, number>> {
  const asked = new Map<number, Promise<ReadonlyMap<number, bigint>>>()
  const firstOffsets = (ageMs: number) => {
    let answer = asked.get(ageMs)
    if (!answer) {
      answer = admin
        .fetchTopicOffsetsByTimestamp(topic, now - ageMs)
        .then((offsets) => new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)])))
      asked.set(ageMs, answer)
    }
    return answer
  }
  const isOlder = async ({ partition, offset }: UnhandledRecord, ageMs: number) =>
    ((await firstOffsets(ageMs)).get(partition) ?? 0n) > offset
  const ages = new Map<number, number>()
  for (const record of records) {
    let low = 0
    let high = 1000
    while (high < longestMs && (await isOlder(record, high))) [low, high] = [high, high * 2]
    while (high < longestMs && high - low > Math.max(exactMs, low / 20)) {
      const middle = Math.round((low + high) / 2)
      if (await isOlder(record, middle)) low = middle
      else high = middle
    }
    ages.set(record.partition, Math.min(high, longestMs))
  }
  return ages
}
