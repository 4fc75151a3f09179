import type { Check } from './check.js'

/** For each key, the first occurrences are the stream: in order, complete up to the bridge's checkpoint, and nothing else. */
export const topicsKeepTheOrder: Check = {
  name: 'I7',
  promise:
    'on Kafka the first occurrences of a key come in version order, with no loss; every record is a committed event',
  applies: ({ topics }) => topics.size > 0,
  *breaches({ topics, bridges, log, byId }) {
    for (const [topic, records] of topics) {
      const seen = new Set<string>()
      const lastVersion = new Map<string, bigint>()
      for (const { id, key, version, partition, offset } of records) {
        const place = `${topic}/${partition} at offset ${offset}`
        const stored = byId.get(id)
        if (!stored) yield `${place}: event ${id} is not in the log`
        else if (stored.streamId !== key || stored.version !== BigInt(version)) {
          yield `${place}: event ${id} is version ${stored.version} of ${stored.streamId}, sent as ${version} of ${key}`
        }
        if (seen.has(id)) continue
        seen.add(id)
        const previous = lastVersion.get(key) ?? 0n
        if (BigInt(version) <= previous) yield `${place}: version ${version} of ${key} first comes after ${previous}`
        lastVersion.set(key, BigInt(version))
      }
      const reached = BigInt(bridges.find((bridge) => bridge.topic === topic)?.checkpoint ?? 0)
      for (const { id, position, streamId } of log) {
        if (position > reached) break
        if (!seen.has(id))
          yield `${topic}: event ${id} of ${streamId} at ${position} is missing, the bridge is at ${reached}`
      }
    }
  },
}
