import type { Mutant } from '../experiment.js'
import { changeProducer } from '../workload/change-producer.js'

/** Tells the bridge that records are safe before Kafka has them: the checkpoint passes what a death then loses. */
export const acknowledgeBeforeProduce: Mutant = {
  name: 'acknowledge-before-produce',
  defect: 'the bridge moves its checkpoint before Kafka has acknowledged',
  experiment: 'dying-bridges',
  caughtBy: ['I7'],
  wrapProducer: (producer) =>
    changeProducer(producer, {
      async send(records) {
        void producer.send(records).catch(() => undefined)
      },
    }),
}
