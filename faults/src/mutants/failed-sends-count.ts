import type { Mutant } from '../experiment.js'
import { changeProducer } from '../workload/change-producer.js'

/** Takes every answer for an acknowledgement, a refusal too. */
export const failedSendsCount: Mutant = {
  name: 'failed-sends-count',
  defect: 'a send that the brokers refused counts as published',
  experiment: 'failing-brokers',
  caughtBy: ['I7'],
  wrapProducer: (producer) =>
    changeProducer(producer, { send: (records, options) => producer.send(records, options).catch(() => undefined) }),
}
