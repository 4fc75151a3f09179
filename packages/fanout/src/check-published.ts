import { recordKeyOf } from './record-key.js'

/** A record as somebody read it back from a topic. */
export interface PublishedRecord {
  readonly topic: string
  readonly partition: number
  readonly key: string
  /** `ce_id`. */
  readonly eventId: string
  /** `ce_streamversion`. */
  readonly streamVersion: bigint
}

/** An event that should have been published. */
export interface ExpectedEvent {
  readonly id: string
  readonly tenant?: string
  readonly streamId: string
  readonly version: bigint
}

/** What is wrong with a topic, and how much was repeated. All lists are empty when a bridge kept its promise. */
export interface PublishedReport {
  /** Ids of events without a record. */
  readonly missing: readonly string[]
  /** Ids of records that are no committed event, or carry another key or version than their event. */
  readonly foreign: readonly string[]
  /** Ids whose first occurrence in their partition comes after that of a later event of the same key. */
  readonly outOfOrder: readonly string[]
  /** How many records repeat an earlier one. */
  readonly duplicates: number
}

/**
 * Checks what a bridge promises against what a topic holds: nothing missing, nothing invented, first occurrences in the order of
 * each stream; repetitions are counted.
 *
 * `records` are in the order of each partition; how the partitions interleave does not matter. `keyOf` is the key of the bridge, where it has its own.
 *
 * @example
 * const { missing, outOfOrder } = checkPublished(records, await store.readStream('order-o-42'))
 */
export function checkPublished<Expected extends ExpectedEvent>(
  records: readonly PublishedRecord[],
  expected: readonly Expected[],
  { keyOf = recordKeyOf }: { readonly keyOf?: (event: Expected) => string } = {},
): PublishedReport {
  // Two tenants may have events of the same id.
  const nameOf = (id: string, key: string) => `${id} ${key}`
  const events = new Map(expected.map((event) => [nameOf(event.id, keyOf(event)), event]))
  const newest = new Map<string, bigint>()
  const seen = new Set<string>()
  const foreign: string[] = []
  const outOfOrder: string[] = []
  let duplicates = 0
  for (const { topic, partition, key, eventId, streamVersion } of records) {
    const name = nameOf(eventId, key)
    if (events.get(name)?.version !== streamVersion) {
      foreign.push(eventId)
      continue
    }
    if (seen.has(name)) {
      duplicates++
      continue
    }
    seen.add(name)
    const lane = `${topic}/${partition}/${key}`
    if (streamVersion < (newest.get(lane) ?? 0n)) outOfOrder.push(eventId)
    else newest.set(lane, streamVersion)
  }
  const missing = expected.filter((event) => !seen.has(nameOf(event.id, keyOf(event)))).map(({ id }) => id)
  return { missing, foreign, outOfOrder, duplicates }
}
