import { groupBy } from '../group-by.js'
import type { BridgeEntry, RecordEntry } from '../history/entry.js'
import type { StoredEvent } from '../history/evidence.js'
import type { Check } from './check.js'

/** For each key, the first occurrences are the stream: in order, complete up to the bridge's checkpoint, and nothing else. */
export const topicsKeepTheOrder: Check = {
  name: 'I7',
  promise:
    'on Kafka the first occurrences of a key come in version order, with no loss; every record is a committed event',
  applies: ({ topics, bridges }) => topics.size > 0 || bridges.length > 0,
  *breaches({ topics, bridges, log, byId }) {
    for (const topic of new Set([...topics.keys(), ...bridges.map((bridge) => bridge.topic)])) {
      const records = topics.get(topic) ?? []
      const bridge = bridges.find((each) => each.topic === topic)
      yield* strangersAmong(records, byId)
      for (const [key, ofKey] of groupBy(records, (record) => record.key)) yield* disorderOf(key, ofKey, bridge)
      yield* lossesOf(topic, records, log, bridge)
    }
  },
}

const placeOf = ({ topic, partition, offset }: RecordEntry) => `${topic}/${partition} at offset ${offset}`

function* strangersAmong(records: readonly RecordEntry[], byId: ReadonlyMap<string, StoredEvent>) {
  for (const record of records) {
    const { id, key, version } = record
    const stored = byId.get(id)
    if (!stored) yield `${placeOf(record)}: event ${id} is not in the log`
    else if (stored.streamId !== key || stored.version !== BigInt(version)) {
      yield `${placeOf(record)}: event ${id} is version ${stored.version} of ${stored.streamId}, sent as ${version} of ${key}`
    }
  }
}

/** A key stays in its partition; where it may move, what is in the next one is newer. */
function* disorderOf(key: string, records: readonly RecordEntry[], bridge: BridgeEntry | undefined) {
  let begin = bridge?.after === undefined ? 1n : undefined
  const lanes = [...groupBy(records, ({ partition }) => partition).values()].sort(byFirstVersion)
  if (lanes.length > 1 + (bridge?.moves ?? 0)) {
    yield `${key} is in ${lanes.length} partitions: ${lanes.map((lane) => lane[0]?.partition).join(', ')}`
    return
  }
  for (const lane of lanes) {
    yield* gapsIn(key, lane, begin)
    const firsts = yield* firstsOf(key, lane)
    begin = firsts + 1n
  }
}

function byFirstVersion([a]: readonly RecordEntry[], [b]: readonly RecordEntry[]): number {
  return Number(BigInt(a?.version ?? 0) - BigInt(b?.version ?? 0))
}

/** The raw order, repetitions and all: no record is there before its predecessor was. */
function* gapsIn(key: string, lane: readonly RecordEntry[], begin: bigint | undefined) {
  let next = begin
  for (const record of lane) {
    const version = BigInt(record.version)
    if (next !== undefined && version > next)
      yield `${placeOf(record)}: version ${version} of ${key} is there before ${next}`
    if (next === undefined || version >= next) next = version + 1n
  }
}

/** The order that a consumer sees that drops ids it has had; returns the last version. */
function* firstsOf(key: string, lane: readonly RecordEntry[]): Generator<string, bigint> {
  const seen = new Set<string>()
  let previous = 0n
  for (const record of lane) {
    if (seen.has(record.id)) continue
    seen.add(record.id)
    const version = BigInt(record.version)
    if (version <= previous) yield `${placeOf(record)}: version ${version} of ${key} first comes after ${previous}`
    previous = version
  }
  return previous
}

function* lossesOf(
  topic: string,
  records: readonly RecordEntry[],
  log: readonly StoredEvent[],
  bridge: BridgeEntry | undefined,
) {
  const ids = new Set(records.map(({ id }) => id))
  const [after, reached] = [BigInt(bridge?.after ?? 0), BigInt(bridge?.checkpoint ?? 0)]
  for (const { id, position, streamId } of log) {
    if (position <= after) continue
    if (position > reached) break
    if (!ids.has(id))
      yield `${topic}: event ${id} of ${streamId} at ${position} is missing, the bridge is at ${reached}`
  }
}
