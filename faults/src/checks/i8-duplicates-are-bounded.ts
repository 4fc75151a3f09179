import type { Check } from './check.js'

/** Each interruption sends again at most what was on its way; without one, nothing is sent again. */
export const duplicatesAreBounded: Check = {
  name: 'I8',
  promise: 'duplicates on Kafka are at most the interruptions times the largest batch in flight',
  applies: ({ topics, bridges }) => topics.size > 0 && bridges.length > 0,
  *breaches({ topics, bridges }) {
    for (const { topic, interruptions, largestBatch } of bridges) {
      const records = topics.get(topic) ?? []
      const duplicates = records.length - new Set(records.map(({ id }) => id)).size
      if (duplicates > interruptions * largestBatch) {
        yield `${topic} has ${duplicates} duplicates after ${interruptions} interruptions with at most ${largestBatch} in flight`
      }
    }
  },
}
