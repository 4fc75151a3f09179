import type { Mutant } from '../experiment.js'
import { changeProducer } from '../workload/change-producer.js'

/** Publishes again what was acknowledged to a process that died before its checkpoint moved. */
export const endIsNotReadBack: Mutant = {
  name: 'end-is-not-read-back',
  defect: 'whoever takes a bridge over does not look at what its topic has already',
  experiment: 'killed-bridges',
  caughtBy: ['I8'],
  wrapProducer: (producer) => changeProducer(producer, { readTail: undefined }),
}
