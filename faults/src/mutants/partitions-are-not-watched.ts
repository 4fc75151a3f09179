import type { Mutant } from '../experiment.js'
import { changeProducer } from '../workload/change-producer.js'

/** Believes for ever what Kafka said first of a topic. */
export const partitionsAreNotWatched: Mutant = {
  name: 'partitions-are-not-watched',
  defect: 'the bridge does not notice that its topic got more partitions',
  experiment: 'changed-topics',
  caughtBy: ['requirements'],
  wrapProducer: (producer) => {
    const known = new Map<string, number>()
    return changeProducer(producer, {
      async partitionCount(topic) {
        const now = await producer.partitionCount(topic)
        if (now === undefined) return undefined
        const count = known.get(topic) ?? now
        known.set(topic, count)
        return count
      },
    })
  },
}
