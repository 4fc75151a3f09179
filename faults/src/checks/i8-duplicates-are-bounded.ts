import type { Check } from './check.js'

/** Each kill sends again at most what was on its way. */
export const duplicatesAreBounded: Check = {
  name: 'I8',
  promise: 'duplicates on Kafka are at most the kills times the largest batch in flight',
  applies: ({ topics, bridges }) => topics.size > 0 && bridges.length > 0,
  *breaches({ topics, bridges }) {
    for (const { topic, kills, largestBatch } of bridges) {
      const records = topics.get(topic) ?? []
      const duplicates = records.length - new Set(records.map(({ id }) => id)).size
      if (duplicates > kills * largestBatch) {
        yield `${topic} has ${duplicates} duplicates after ${kills} kills with at most ${largestBatch} in flight`
      }
    }
  },
}
