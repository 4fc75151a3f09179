import type { Mutant } from '../experiment.js'

/** Moves the checkpoint in a transaction of its own, before the rows are committed: what dies in between has lost the batch. */
export const checkpointBeforeRows: Mutant = {
  name: 'checkpoint-before-rows',
  defect: 'a projection moves its checkpoint in a transaction of its own, before its rows are committed',
  experiment: 'killed-projectors',
  caughtBy: ['I6'],
  interceptQuery: (query) => (query.name === 'advance-checkpoint' ? query.sendApart() : query.send()),
}
